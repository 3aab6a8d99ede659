"""Models of other libraries by name, with random weights: nothing is downloaded."""

import difflib
import importlib
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from sssam.lab.tasks.form import Form


def check(library: str, name: str) -> None:
    """Refuses a name that an installed library does not know.

    Raises:
        ValueError: no such model there, with the nearest ones.
        ModuleNotFoundError: the library is not installed, or does not load.
    """
    module = _loaded(library)
    if library == "timm":
        known = list(module.list_models())
    else:
        known = list(module.models.auto.configuration_auto.CONFIG_MAPPING_NAMES)
    _require_known(f"model of {library}", name, known)


def _require_known(kind: str, name: str, known: Iterable[str]) -> None:
    """Refuses a name that is none of many, with the nearest ones alone."""
    names = list(known)
    if name not in names:
        close = " or ".join(map(repr, difflib.get_close_matches(name, names)))
        hint = f": did you mean {close}?" if close else f", which has {len(names)} others"
        raise ValueError(f"unknown {kind} {name!r}{hint}")


def timm(form: Form, name: str, **options: Any) -> nn.Module:
    """A model of PyTorch Image Models by its name there; options are `timm.create_model`'s.

    Raises:
        ValueError: other inputs than images, or what the library refuses, at its first pass too.
    """
    form.require(f"timm:{name}", "images")
    create, sizes = _loaded("timm").create_model, {"in_chans": form.shape[0]}
    with _told(f"timm:{name}", form, options):
        made: nn.Module = create(
            name, pretrained=False, num_classes=form.classes, **sizes, **options
        )
        _try(made, form)
    return made


class Scores(nn.Module):
    """A model of Transformers whose outputs are its scores alone.

    Tokens of 0 are padding where they come before others in a text to classify.
    """

    def __init__(self, model: nn.Module, form: Form) -> None:
        super().__init__()
        self.model, self.kind, self.each_position = model, form.kind, form.each_position

    def forward(self, inputs: Tensor) -> Tensor:
        if self.kind == "images":
            given = {"pixel_values": inputs}
        else:
            given = {"input_ids": inputs.long()}
            if not self.each_position:
                given["attention_mask"] = (inputs != 0).long()
        logits: Tensor = self.model(**given).logits
        return logits


def transformers(form: Form, name: str, **options: Any) -> nn.Module:
    """A model of Hugging Face Transformers by its type, such as "bert", "gpt2" or "vit".

    Options are those of its configuration (`hidden_size`, `num_hidden_layers`, ...).

    Raises:
        ValueError: features, an option that the type does not have, or what the library refuses,
            at its first pass too: a type that has no model for this kind of task.
    """
    form.require(f"transformers:{name}", "tokens" if form.kind == "features" else form.kind)
    library = _loaded("transformers")
    sizes: dict[str, Any] = {"num_labels": form.classes}
    if form.kind == "images":
        sizes |= {"num_channels": form.shape[0], "image_size": form.shape[-1]}
        auto = library.AutoModelForImageClassification
    else:
        sizes |= {"vocab_size": form.vocabulary, "pad_token_id": 0}
        sizes |= {"bos_token_id": 1, "eos_token_id": 2}
        auto = library.AutoModelForSequenceClassification
        if form.each_position:
            auto = library.AutoModelForCausalLM
            sizes |= {"is_decoder": True, "use_cache": False}
    known = library.AutoConfig.for_model(name)
    for option in options:
        if not hasattr(known, option):
            _require_known(f"option of transformers:{name}", option, vars(known))
    with _told(f"transformers:{name}", form, options):
        config = library.AutoConfig.for_model(name, **sizes | options)
        made = Scores(auto.from_config(config), form)
        _try(made, form)
    return made


@contextmanager
def _told(name: str, form: Form, options: Mapping[str, Any]) -> Iterator[None]:
    """Names the model and the inputs in what its library raises.

    Raises:
        ValueError: in place of anything.
    """
    try:
        yield
    except Exception as error:  # whatever another library raises
        with_ = "".join(f", {key} = {value!r}" for key, value in options.items())
        reason = textwrap.shorten(str(error), 200, placeholder=" ...") or type(error).__name__
        raise ValueError(
            f"model {name!r} can't be made for {form.kind} of shape {form.shape}{with_}: {reason}"
        ) from error


def _try(model: nn.Module, form: Form) -> None:
    """Runs a model on two inputs, since many a wrong size shows at its first pass alone."""
    kind = torch.float32 if form.vocabulary is None else torch.uint8
    model.eval()
    with torch.no_grad():
        scores = model(torch.ones(2, *form.shape, dtype=kind))
    model.train()
    wanted = (2, *form.shape, form.classes) if form.each_position else (2, form.classes)
    if scores.shape != wanted:
        raise ValueError(f"it gives scores of shape {tuple(scores.shape)}, must give {wanted}")


def _loaded(library: str) -> ModuleType:
    needs = f" and the torchvision that fits torch {torch.__version__}" * (library == "timm")
    try:
        return importlib.import_module(library)
    except Exception as error:  # timm beside an unfit torchvision raises RuntimeError
        raise ModuleNotFoundError(
            f"models {library}:NAME need {library}{needs}: install it (pip install {library}); "
            f"importing it gave: {error}"
        ) from error
