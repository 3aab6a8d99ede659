"""A model's modules, buffers and parameters, walked through once and looked at again cheaply."""

from itertools import chain
from operator import is_
from typing import Any

import torch
from torch import Tensor, nn


class Layout:
    """What is registered in a model's modules.

    To walk through all modules takes as long as a small model's pass. So only the dictionaries in
    which they keep what is registered are compared, by what stands in them. Scripted modules have
    no such dictionaries, and are walked through each time.

    Args:
        model: None for no modules.

    Attributes:
        modules, own: all modules, with their names and without.
        parameters: of all modules; the same object as long as they are.
        stamp: another object once a refresh has found anything registered otherwise.
    """

    def __init__(self, model: nn.Module | None) -> None:
        self._model = model
        self.modules: list[tuple[str, nn.Module]] = []
        self.own: list[nn.Module] = []
        self._children: list[dict[str, Any]] = []
        self._buffers: list[dict[str, Any]] = []
        self._all: list[dict[str, Any]] = []
        self._known: tuple[list[str], list[Any]] = ([], [])
        self._known_children: list[Any] = []
        self.parameters: list[Tensor | None] = []
        self.is_scripted = False
        self._walk()

    def _walk(self) -> None:
        self.modules = [] if self._model is None else list(self._model.named_modules())
        own = self.own = [module for _, module in self.modules]
        self.is_scripted = any(isinstance(module, torch.jit.ScriptModule) for module in own)
        if not self.is_scripted:
            self._children = [module._modules for module in own]
            self._buffers = [module._buffers for module in own]
            parameters = [module._parameters for module in own]
            self._all = [*self._children, *self._buffers, *parameters]
            self._known_children = _values(self._children)
        self._settle(self._registered())

    def _settle(self, registered: tuple[list[str], list[Any]]) -> None:
        parameters: list[Tensor | None] = []
        for module in self.own:
            parameters += module._parameters.values()
        if not same(parameters, self.parameters):
            self.parameters = parameters
        self.stamp = object()
        self._known = registered  # last: where this is interrupted, the next refresh does it again

    def _registered(self) -> tuple[list[str], list[Any]]:
        return [*chain.from_iterable(self._buffers)], _values(self._all)

    def refresh(self) -> None:
        """Look whether modules, buffers or parameters have come or gone."""
        if self.is_scripted:
            self._walk()
            return
        names, values = registered = self._registered()
        if names == self._known[0] and same(values, self._known[1]):
            return
        if same(_values(self._children), self._known_children):
            self._settle(registered)
        else:
            self._walk()

    @property
    def buffers(self) -> tuple[list[str], list[Tensor | None]]:
        """The names and the buffers of all modules; of modules that are not scripted."""
        return [*chain.from_iterable(self._buffers)], _values(self._buffers)


def _values(dicts: list[dict[str, Any]]) -> list[Any]:
    return [*chain.from_iterable(map(dict.values, dicts))]


def same(one: list[Any], other: list[Any]) -> bool:
    """Whether two lists hold the very same objects."""
    return len(one) == len(other) and all(map(is_, one, other))
