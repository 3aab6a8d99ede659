"""What is known, by its shape, of the trainers that call this library; nothing is imported.

It stands here and not in `sssam.integrations`, because those who need these errors most have never
imported that: with a check that integrations register, their runs would go silently wrong.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

CALLBACK = "add sssam.integrations.lightning.SharpnessAwareCallback() to the Trainer's callbacks"


def require_whole_pass(closure: Callable[[], Any]) -> None:
    """An error if Lightning made the closure and running it twice is not running the step twice.

    Lightning's precision plugin gives `optimizer.step` a partial of its `_wrap_closure`, which
    holds the last micro-batch alone and clips the gradients of each pass.

    Raises:
        RuntimeError: it accumulates, clips, or has nothing in it, with what to do instead.
    """
    if not isinstance(closure, partial) or getattr(closure.func, "__name__", "") != "_wrap_closure":
        return
    module, inner = closure.args[0], closure.args[2]
    trainer = module.trainer
    if not module.automatic_optimization:
        if getattr(inner, "__name__", "") == "do_nothing_closure":
            raise RuntimeError(
                "Lightning's step() without a closure can't end a step in manual optimisation at "
                "this precision; write step(closure), with zero_grad and manual_backward in it"
            )
    elif trainer.accumulate_grad_batches != 1:
        raise RuntimeError(
            f"accumulate_grad_batches={trainer.accumulate_grad_batches}: Lightning's closure holds "
            f"the last micro-batch alone, and the second pass would miss the others; {CALLBACK}"
        )
    elif trainer.gradient_clip_val or _clips(module):
        raise RuntimeError(
            f"gradient_clip_val={trainer.gradient_clip_val}: Lightning clips inside the closure, "
            f"the ascent gradient too; {CALLBACK}"
        )


def _clips(module: Any) -> bool:
    own: Any = type(module).configure_gradient_clipping
    return not own.__module__.startswith(("lightning.", "pytorch_lightning."))


def scaler_of(proxy: Any) -> Any:
    """The `GradScaler` behind Fabric's or Lightning's proxy of an optimizer; None elsewhere."""
    strategy = vars(proxy).get("_strategy")
    plugin = getattr(strategy, "precision_plugin", None) or getattr(strategy, "precision", None)
    return getattr(plugin, "scaler", None)
