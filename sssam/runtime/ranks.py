"""Training on several ranks: whose gradient perturbs, and what a move of the weights outdates.

All ranks decide alike without a message, since trials depend on (seed, step) alone.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Literal, get_args

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import parametrize

from sssam.methods import Method
from sssam.runtime.bases import Bases

PerturbationScope = Literal["global", "per_rank"]
Model = nn.Module | Literal[False] | None


def freshener(model: Model, bases: Bases) -> Callable[[], object]:
    """What to call when weights have moved: drops copies made of them before.

    Autocast keeps half-precision copies until its context ends, `parametrize.cached()` what it
    computed; FSDP2 keeps what it gathered in a forward pass that no backward pass followed.

    Raises:
        ValueError: sharded parameters without their module, or sharded by the first FSDP.
    """
    params = bases.trainable()[0]
    if any(getattr(p, "_fsdp_flattened", False) for p in params):
        raise ValueError(
            "base must not hold parameters of FullyShardedDataParallel: nothing in them tells that "
            "they are shards, and each rank would take its own shard's norm for the whole one; "
            "use torch.distributed.fsdp.fully_shard, or DistributedDataParallel"
        )
    if not any(hasattr(p, "to_local") for p in params):
        return _forget_computed
    if not isinstance(model, nn.Module):
        raise ValueError(
            f"model must be the sharded module where fully_shard is used, not {model!r}: what it "
            "gathered must be dropped when the weights move"
        )
    return partial(_forget_gathered, model)


def _forget_computed() -> None:
    torch.clear_autocast_cache()
    parametrize._cache.clear()


def _forget_gathered(model: nn.Module) -> None:
    _forget_computed()
    for module in model.modules():
        reshard: Any = getattr(module, "reshard", None)
        if reshard is not None:
            reshard()


class Ranks:
    """Whether the ascent pass is averaged over ranks.

    Args:
        perturbation: "global": one e for all ranks, of the averaged gradient. "per_rank": each
            rank perturbs by its own part of the batch (m-sharpness), and the ascent pass sends
            nothing; needs `model` to be a DistributedDataParallel.
        model: the module that is trained.
        method: what is run. Its update, its decisions and its memory must not rest on the first
            pass's gradient, which would then differ between ranks.

    Raises:
        ValueError: an unknown name, another kind of model, or a method that can't be per rank.
    """

    def __init__(self, perturbation: PerturbationScope, model: Model, method: Method) -> None:
        if perturbation not in get_args(PerturbationScope):
            names = ", ".join(get_args(PerturbationScope))
            raise ValueError(f"perturbation must be one of {names}, not {perturbation!r}")
        self._ddp = model if perturbation == "per_rank" else None
        self._has_buckets = not isinstance(model, nn.Module) or _is_ddp(model)
        if perturbation == "global":
            return
        if not isinstance(model, DistributedDataParallel):
            raise ValueError(
                "perturbation='per_rank' needs model to be the DistributedDataParallel module, "
                f"whose ascent pass then sends nothing, not {type(model).__name__}; or use 'global'"
            )
        if method.facts.opening not in ("at w", "mixed"):
            raise ValueError(
                f"perturbation='per_rank' has nothing to keep to a rank: {method!r} runs no ascent "
                "pass at w; use perturbation='global'"
            )
        if method.facts.binds_ranks:
            raise ValueError(
                f"perturbation='per_rank' can't serve a method whose {method.facts.binds_ranks}; "
                f"use perturbation='global', not {method!r}"
            )

    @property
    def per_rank(self) -> bool:
        """Whether the ascent pass stays on its rank."""
        return self._ddp is not None

    @property
    def may_share_memory(self) -> bool:
        """Whether gradients may be views of DDP's buckets, which the next pass writes over."""
        return dist.is_available() and dist.is_initialized()

    @property
    def may_be_buckets(self) -> bool:
        """Whether a gradient that shares its memory may be DDP's, which puts it there itself."""
        return self._has_buckets and self.may_share_memory

    def during(self, phase: str) -> AbstractContextManager[None]:
        """Around a pass: an ascent pass per rank sends nothing."""
        if self._ddp is None or phase != "ascent":
            return _AS_EVER
        ddp: Any = self._ddp
        sent_nothing: AbstractContextManager[None] = ddp.no_sync()
        return sent_nothing


_AS_EVER = nullcontext()


def _is_ddp(model: nn.Module) -> bool:
    return any(isinstance(module, DistributedDataParallel) for module in model.modules())
