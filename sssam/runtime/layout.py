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
    """

    def __init__(self, model: nn.Module | None) -> None:
        self._model = model
        self.modules: list[tuple[str, nn.Module]] = []
        self.own: list[nn.Module] = []
        self._children: list[dict[str, Any]] = []
        self._buffers: list[dict[str, Any]] = []
        self._parameters: list[dict[str, Any]] = []
        self._known: list[Any] = []
        self.is_scripted = False
        self._walk()

    def _walk(self) -> None:
        self.modules = [] if self._model is None else list(self._model.named_modules())
        own = self.own = [module for _, module in self.modules]
        self.is_scripted = any(isinstance(module, torch.jit.ScriptModule) for module in own)
        if not self.is_scripted:
            self._children = [module._modules for module in own]
            self._buffers = [module._buffers for module in own]
            self._parameters = [module._parameters for module in own]
            self._known = _values(self._children)

    def refresh(self) -> None:
        """Look whether modules have come or gone."""
        if self.is_scripted or not same(_values(self._children), self._known):
            self._walk()

    @property
    def buffers(self) -> tuple[list[str], list[Tensor | None]]:
        """The names and the buffers of all modules; of modules that are not scripted."""
        return [*chain.from_iterable(self._buffers)], _values(self._buffers)

    @property
    def parameters(self) -> list[Tensor | None]:
        """The parameters of all modules."""
        if self.is_scripted:
            return [p for module in self.own for p in module._parameters.values()]
        return _values(self._parameters)


def _values(dicts: list[dict[str, Any]]) -> list[Any]:
    return [*chain.from_iterable(map(dict.values, dicts))]


def same(one: list[Any], other: list[Any]) -> bool:
    """Whether two lists hold the very same objects."""
    return len(one) == len(other) and all(map(is_, one, other))
