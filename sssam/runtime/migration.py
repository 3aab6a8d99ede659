"""Calls as other SAM libraries take them: errors that show the line to write here."""

from collections.abc import Callable, Iterator
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from sssam.core.groups import RADIUS

#: Arguments of other libraries' optimizers, and what stands for them here.
ARGUMENTS = {
    "params": "the base optimizer has the parameters",
    "base_optimizer": "the base optimizer is built first",
    "optimizer": "the base optimizer is built first",
    "adaptive": "adaptive SAM is a class, ASAM; eta=0 is the form of davda54/sam",
    "interval": "acting at every k-th step is a Switch",
    "use_gc": "centralising gradients is left to the base optimizer",
    "perturb_eps": "a zero gradient gives no perturbation, without a term in the denominator",
    "epsilon": "a zero gradient gives no perturbation, without a term in the denominator",
    "num_update_steps": "the length of the training is total_steps, for methods that plan it",
    "nbs": "accumulation is the loop's: repeat every micro-batch after ascend()",
}

STEP = """
loss.backward()
if optimizer.ascend():
    criterion(model(x), y).backward()
optimizer.step()
optimizer.zero_grad()
"""
BASE = "\nbase = optimizer.bases[0]\n"

#: Attributes of other libraries' optimizers, and the lines that stand for them here.
ATTRIBUTES = {
    **dict.fromkeys(["first_step", "second_step", "ascent_step", "descent_step"], STEP),
    **dict.fromkeys(["perturb_weights", "unperturb", "set_closure", "move_back"], STEP),
    **dict.fromkeys(["base_optimizer", "optimizer_"], BASE),
}


def explained(cls: type, init: Callable[..., None]) -> Callable[..., None]:
    """A constructor whose call in another library's form ends in an error with the line for it.

    Raises:
        TypeError: such a call. Other mistakes get Python's own error.
    """
    own = signature(init)

    @wraps(init)
    def construct(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            given = own.bind(self, *args, **kwargs).arguments
            foreign = _owns_weights(given.get("base"))
        except TypeError:
            foreign = True
        if foreign and (reasons := _reasons(own, args, kwargs)):
            raise TypeError(
                f"{cls.__name__} was called as another library's: {'; '.join(reasons)}. Write\n"
                f"{_lines(cls, own, args, kwargs)}"
            ) from None
        init(self, *args, **kwargs)

    return construct


def unknown(optimizer: Any, name: str) -> AttributeError:
    """The error for an attribute that there is not, with the lines if another library has it."""
    text = f"{type(optimizer).__name__!r} object has no attribute {name!r}"
    if name in ATTRIBUTES:
        text += f", which is another library's. Write\n{ATTRIBUTES[name]}"
    return AttributeError(text, name=name, obj=optimizer)


def require_settable(optimizer: Any, name: str, value: Any) -> None:
    """An error for a constructor's argument that is set later, when nobody reads it any more.

    Raises:
        AttributeError: naming what takes effect.
    """
    cls = type(optimizer)
    if hasattr(cls, name) or not cls.__module__.startswith("sssam."):
        return
    if name not in signature(cls.__init__).parameters and name not in ("rho", "total_steps"):
        return
    remedy = (
        f'for group in optimizer.param_groups: group["{RADIUS}"] = {value!r}'
        if name == "rho"
        else f"build {cls.__name__}(..., {name}=...), and load_state_dict this one's state_dict()"
    )
    raise AttributeError(
        f"{name}={value!r} set on a {cls.__name__} that is built would be ignored. Write\n{remedy}",
        name=name,
        obj=optimizer,
    )


def _owns_weights(value: object) -> bool:
    # What torch's own optimizers take first, or the model; an empty list is left to Bases.
    if isinstance(value, list | tuple) and value:
        value = value[0]
    return isinstance(value, Tensor | nn.Module | dict | Iterator)


def _reasons(own: Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[str]:
    unknown = [name for name in kwargs if name not in own.parameters]
    reasons = [f"{name}=: {ARGUMENTS[name]}" for name in unknown if name in ARGUMENTS]
    theirs = [name for name in unknown if name in _settings_of(_base_class(args, kwargs))]
    if theirs:
        reasons.append(f"{'=, '.join(theirs)}=: settings of the base optimizer")
    if any(map(_owns_weights, args)) or _owns_weights(kwargs.get("base")):
        reasons.append("the base optimizer has the parameters, and is built first")
    return reasons


def _base_class(args: tuple[Any, ...], kwargs: dict[str, Any]) -> type[Optimizer]:
    given = [*args, *kwargs.values()]
    classes = [a for a in given if isinstance(a, type) and issubclass(a, Optimizer)]
    return classes[0] if classes else torch.optim.SGD


def _settings_of(base: type[Optimizer]) -> set[str]:
    return set(signature(base.__init__).parameters) - {"self", "params"}


def _lines(cls: type, own: Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    base, lines = _base_class(args, kwargs), []
    if not any(isinstance(a, Optimizer) for a in [*args, *kwargs.values()]):
        name = f"torch.optim.{base.__name__}"
        name = name if base is getattr(torch.optim, base.__name__, None) else base.__name__
        theirs = _settings_of(base) - set(own.parameters)
        settings = _call({name: value for name, value in kwargs.items() if name in theirs})
        lines.append(f"base = {name}(model.parameters(){settings})")
    ours = {name: value for name, value in kwargs.items() if name in own.parameters}
    ours = {name: value for name, value in ours.items() if name not in ("base", "model")}
    if "interval" in kwargs and "interval" not in own.parameters:
        rho = float(ours.get("rho", 0.05))
        lines.append(
            "sharp = sssam.methods.Ascent(sssam.roles.Fresh(), "
            f"sssam.roles.Euclidean({rho!r}))\n"
            f"every = sssam.roles.Every({int(kwargs['interval'])})\n"
            "method = sssam.methods.Switch(every, sharp)\n"
            "optimizer = sssam.SharpnessAware(base, method, model=model)"
        )
        return "\n" + "\n".join(lines) + "\n"
    name = f"sssam.{cls.__name__}" if cls.__module__.startswith("sssam.") else cls.__name__
    if name == "sssam.SAM" and kwargs.get("adaptive") is True:
        name, ours["eta"] = "sssam.ASAM", 0
    lines.append(f"optimizer = {name}(base{_required(own, ours)}{_call(ours)}, model=model)")
    return "\n" + "\n".join(lines) + "\n"


def _required(own: Signature, given: dict[str, Any]) -> str:
    usual = {"schedule": "sssam.schedules.linear(0, 1)", "total_steps": "epochs * len(loader)"}
    missing = [
        name
        for name, p in own.parameters.items()
        if p.kind is Parameter.KEYWORD_ONLY and name not in given
        if p.default is Parameter.empty or (name == "total_steps" and "schedule" in own.parameters)
    ]
    return "".join(f", {name}={usual.get(name, name)}" for name in missing)


def _call(settings: dict[str, Any]) -> str:
    return "".join(f", {name}={_written(name, value)}" for name, value in settings.items())


def _written(name: str, value: Any) -> str:
    return repr(value) if isinstance(value, bool | int | float | str | tuple) else name
