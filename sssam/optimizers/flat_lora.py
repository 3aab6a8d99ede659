"""Flat-LoRA: adapters trained where the merged weights have noise."""

from collections.abc import Iterable
from typing import Any, Literal

from torch import Tensor, nn

from sssam.methods import Merged
from sssam.optimizers.sam import Base
from sssam.runtime.guard import Rng
from sssam.runtime.optimizer import SharpnessAware


class FlatLoRA(SharpnessAware):
    """The gradient of LoRA's matrices at W + s B A + E, E normal noise on the merged weights.

    E_ij ~ N(0, (rho_t ||W'_i|| / sqrt(n))^2), W' = W + s B A and n its columns, so that E is about
    rho_t ||W'|| long; rho_t rises from 0 to rho as (1 - cos(pi t / total_steps)) / 2. E is drawn
    anew by its seed in the forward and in the backward pass, and stored nowhere.

    Cost: 1 propagation a step, and for each layer one more product in each pass, and the noise.
    Memory: 0 copies of the parameters kept, 0 at the peak; one layer's E and W' while it is drawn.
    Loop: any form; in the two-line form, `optimizer.ascend()` comes before the forward pass.

    Args:
        base: a built torch optimizer, or a list of several.
        total_steps: steps of the training, at least 1.
        rho: the length of E over that of W' at the end, at least 0. Default 0.05, the authors' for
            a large language model.
        layers: which have noise. "lora" (default): all LoRA layers over linear ones; "all-linear":
            those, and each `torch.nn.Linear` without an adapter; or a list of some of them.
        seed: of the noise, at least 0. Default 0. All ranks must use the same.
        model: the module that is trained.
        rng: see `SharpnessAware`.

    Raises:
        TypeError: no model, a layer of another kind, quantised or sharded, or another argument of
            a wrong type.
        ValueError: no LoRA layers, DoRA or another variant, or an argument outside its range.

    Reference: "Flat-LoRA: Low-Rank Adaptation over a Flat Loss Landscape", Li, He, Li, Wang, Shang,
    Huang, ICML 2025, arXiv 2409.14396. The authors' code adds the noise to the frozen weights and
    takes it off after the pass, which leaves rounding errors in them; here they are not touched.
    """

    def __init__(
        self,
        base: Base,
        *,
        total_steps: int,
        rho: float = 0.05,
        layers: Literal["lora", "all-linear"] | Iterable[nn.Module] = "lora",
        seed: int = 0,
        model: nn.Module,
        rng: Rng = "restore",
    ) -> None:
        if not isinstance(model, nn.Module):
            raise TypeError(f"model must be the torch.nn.Module that is trained, not {model!r}")
        method = Merged(_layers(model, layers), rho, total_steps, seed)
        super().__init__(base, method, total_steps=total_steps, model=model, rng=rng)


def _layers(model: nn.Module, given: str | Iterable[nn.Module]) -> tuple[nn.Module, ...]:
    """The layers with noise, each one checked."""
    layers = _found(model, given) if isinstance(given, str) else list(given)
    if not layers:
        raise ValueError(
            "model has no LoRA layers of PEFT over linear ones, so that no noise would be added: "
            "make it by peft.get_peft_model, or give layers='all-linear'"
        )
    for layer in layers:
        _check(layer)
    return tuple(layers)


def _found(model: nn.Module, kind: str) -> list[nn.Module]:
    if kind not in ("lora", "all-linear"):
        raise ValueError(f"layers must be 'lora', 'all-linear' or a list of layers, not {kind!r}")
    lora = [module for module in model.modules() if _is_lora(module)]
    if kind == "lora":
        return lora
    inside = {part for layer in lora for part in layer.modules()}
    plain = [m for m in model.modules() if isinstance(m, nn.Linear) and m not in inside]
    return [*lora, *plain]


def _is_lora(module: Any) -> bool:
    """Whether a module is PEFT's LoRA layer over one with a matrix; embeddings' are named apart."""
    weight = getattr(getattr(module, "base_layer", None), "weight", None)
    is_matrix = isinstance(weight, Tensor) and weight.ndim == 2
    return is_matrix and len(getattr(module, "lora_A", ())) > 0


def _check(layer: Any) -> None:
    if not (_is_lora(layer) or isinstance(layer, nn.Linear)):
        raise TypeError(f"layers must be LoRA layers or torch.nn.Linear, not {layer!r}")
    if getattr(layer, "lora_variant", None):
        raise ValueError(
            f"{type(layer).__name__} is a variant of LoRA (DoRA or the like), whose merged weight "
            "is not W + s B A; use plain LoRA, or give the other layers=[...]"
        )
    weight = getattr(layer, "base_layer", layer).weight
    if not weight.is_floating_point() or hasattr(weight, "device_mesh"):
        raise TypeError(
            f"the weight of {type(layer).__name__} is quantised ({weight.dtype}) or sharded, so "
            "that the lengths of its rows are not at hand; give the other layers=[...]"
        )
