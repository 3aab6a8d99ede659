"""Models of other libraries by name, with random weights: nothing is downloaded."""

import difflib
import importlib
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from sssam.lab.models.form import Form


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
    if name not in known:
        close = " or ".join(map(repr, difflib.get_close_matches(name, known)))
        hint = f": did you mean {close}?" if close else f", which has {len(known)} others"
        raise ValueError(f"unknown model of {library} {name!r}{hint}")


def timm(form: Form, name: str, **options: Any) -> nn.Module:
    """A model of PyTorch Image Models by its name there; options are `timm.create_model`'s."""
    form.require(f"timm:{name}", "images")
    made: nn.Module = _loaded("timm").create_model(
        name, pretrained=False, in_chans=form.shape[0], num_classes=form.classes, **options
    )
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
        ValueError: features, or a type that has no model for this kind of task.
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
    config = library.AutoConfig.for_model(name, **sizes | options)
    return Scores(auto.from_config(config), form)


def _loaded(library: str) -> ModuleType:
    needs = " and the torchvision that fits torch" if library == "timm" else ""
    try:
        return importlib.import_module(library)
    except Exception as error:  # timm beside an unfit torchvision raises RuntimeError
        raise ModuleNotFoundError(
            f"models {library}:NAME need {library}{needs}: install it (pip install {library}); "
            f"importing it gave: {error}"
        ) from error
