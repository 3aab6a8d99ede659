"""An optimizer's state in torch's own format, with a method's part under names of its own.

Numbers and strings go to the param groups under `sssam.<name>`, tensors to the state of their
parameter under `sssam.<name>`, so that `torch.load(weights_only=True)` and
`torch.distributed.checkpoint` take it, and the base optimizer loads it too.
"""

import ast
import json
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from sssam.core.groups import PREFIX, RADIUS
from sssam.runtime import unfinished
from sssam.runtime.bases import State
from sssam.runtime.training import TrainingState
from sssam.schedules.progress import PACE

#: The version of this layout; a newer one is refused.
FORMAT = 1


def save(training: TrainingState) -> State:
    """The base optimizers' state dict, with the counters, the method and what it remembers."""
    saved = training.bases.state_dict()
    _add_memory(training, saved)
    facts = {PREFIX + name: value for name, value in _facts(training).items()}
    saved["param_groups"] = [{**group, **facts} for group in saved["param_groups"]]
    return saved


def _facts(training: TrainingState) -> dict[str, Any]:
    counters = training.counters
    return {
        "format": FORMAT,
        "steps": counters.steps,
        "ascents": counters.ascents,
        "forwards": counters.forwards,
        "backwards": counters.backwards,
        "voided": int(counters.voided),
        "method": repr(training.method),
        "bases": _kinds(training),
        "shapes": training.bases.shapes(),
        # One text for all: torch.distributed.checkpoint loads no key that is not there before.
        "numbers": json.dumps(training.numbers | _progress(training)),
        "kept": json.dumps(_without(training)),
    }


def _progress(training: TrainingState) -> dict[str, float]:
    return training.progress.state() if training.progress is not None else {}


def _kinds(training: TrainingState) -> str:
    return ", ".join(type(base).__name__ for base in training.bases.all)


def _without(training: TrainingState) -> dict[str, list[int]]:
    """For each kept vector, the parameters that have no part in it."""
    kept = [training.memory.get(p, {}) for p in training.bases.params]
    names = sorted({name for parts in kept for name in parts})
    return {name: [i for i, parts in enumerate(kept) if name not in parts] for name in names}


def _add_memory(training: TrainingState, saved: State) -> None:
    state = saved["state"] = dict(saved["state"])
    # Where the base has state, or never has any: then what is added is not taken for the base's.
    everywhere = not state and bool(training.makes_room or training.counters.steps)
    for i, p in enumerate(training.bases.params):
        parts = training.memory.get(p, {})
        if p.requires_grad and (everywhere or i in state):
            # Zeros for what is not kept yet: a place that a distributed checkpoint is loaded into.
            parts = {name: torch.zeros_like(p) for name in training.method.facts.keeps} | parts
        if parts:
            own = {PREFIX + name: part for name, part in parts.items()}
            state[i] = {**state.get(i, {}), **own}


def load(training: TrainingState, state_dict: State) -> None:
    """Load what `save` made, or a plain checkpoint of the base optimizer, which has no counters.

    Raises:
        ValueError: for a checkpoint of another model or of another version, or one with missing
            parts, before anything is changed.
    """
    facts, memory = _checked(training, state_dict)
    _warn_of_another(training, state_dict["param_groups"])
    groups = [_without_own(group) for group in state_dict["param_groups"]]
    state = {
        key: _without_own(value) if isinstance(value, dict) else value
        for key, value in state_dict["state"].items()
    }
    # A method's tensors alone must not look like the base's state, which it makes when it is empty.
    state = {key: value for key, value in state.items() if value != {}}
    training.bases.load_state_dict({**state_dict, "state": state, "param_groups": groups})
    training.broken_off, training.batch = False, None  # the batch before is another training's
    training.memory.clear()
    training.memory |= memory
    for name in ("steps", "ascents", "forwards", "backwards"):
        setattr(training.counters, name, facts.get(name, getattr(training.counters, name)))
    training.counters.voided.fill_(facts.get("voided", 0))
    training.numbers.clear()
    training.numbers |= facts.get("numbers", {})
    pace = {name: training.numbers.pop(name) for name in PACE if name in training.numbers}
    if training.progress is not None:
        training.progress.load(pace)
    unfinished.resumed(training)


def _warn_of_another(training: TrainingState, groups: list[dict[str, Any]]) -> None:
    # Another SAM's wrapper leaves its settings in the groups; they are not this optimizer's.
    own = {key for base in training.bases.all for key in base.defaults}
    theirs = {"rho", "adaptive"} - own
    foreign = {key: value for g in groups for key, value in g.items() if key in theirs}
    if foreign:
        warnings.warn(
            f"the checkpoint's param groups have {foreign}, of another SAM: ignored. The radius is "
            f"rho= of this optimizer, or an entry {RADIUS!r} of a group",
            stacklevel=4,
        )


def _own(entries: dict[str, Any]) -> dict[str, Any]:
    return {k.removeprefix(PREFIX): v for k, v in entries.items() if str(k).startswith(PREFIX)}


def _without_own(entries: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in entries.items() if not str(k).startswith(PREFIX)}


# What is refused ---------------------------------------------------------------------------------


def _checked(
    training: TrainingState, state_dict: State
) -> tuple[dict[str, Any], dict[Tensor, dict[str, Tensor]]]:
    """The facts and the method's vectors of a checkpoint, all found to be in order."""
    for part in ("state", "param_groups"):
        if part not in state_dict:
            raise ValueError(
                f"state_dict has no {part!r}: it is not an optimizer's; give what "
                f"optimizer.state_dict() returned, not {sorted(map(str, state_dict))}"
            )
    groups = state_dict["param_groups"]
    take_back = training.bases.anticipate(groups)
    try:
        facts = _read(training, _own(groups[0]) if groups else {})
        _check_shapes(training, facts, groups)
        memory = _memory(training, state_dict, facts.get("kept", {}))
    except BaseException:
        take_back()
        raise
    _compare(training, facts)
    return facts, memory


def _read(training: TrainingState, saved: dict[str, Any]) -> dict[str, Any]:
    if not saved:
        return {}  # the base optimizer's own
    version = saved.get("format", FORMAT)
    if version != FORMAT:
        raise ValueError(
            f"the checkpoint has format {version!r} of sssam's part, and this sssam reads format "
            f"{FORMAT}: load it with the sssam that saved it, or a later one"
        )
    expected = _facts(training).keys()
    for how, names in (
        ("lacks", expected - saved.keys()),
        ("has, of another version of sssam,", saved.keys() - expected),
    ):
        if names:
            keys = ", ".join(PREFIX + name for name in sorted(names))
            raise ValueError(
                f"the checkpoint {how} {keys} in its param groups; save it anew with this "
                "version, or load the base optimizer's part alone: base.load_state_dict(...)"
            )
    return saved | {name: _object(name, saved[name]) for name in ("numbers", "kept")}


def _object(name: str, text: Any) -> dict[str, Any]:
    try:
        return dict(json.loads(text))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{PREFIX}{name} of the checkpoint must be a JSON object, not {text!r}"
        ) from error


def _check_shapes(
    training: TrainingState, facts: dict[str, Any], groups: list[dict[str, Any]]
) -> None:
    if facts.get("shapes", training.bases.shapes()) != training.bases.shapes():
        raise ValueError(
            "state_dict is a checkpoint of another model: its parameters have other shapes than "
            "this optimizer's, or another order; build the optimizer over the model it belongs to"
        )
    training.bases.require_groups(groups)


def _memory(
    training: TrainingState, state_dict: State, kept: dict[str, list[int]]
) -> dict[Tensor, dict[str, Tensor]]:
    # Ids are numbers, or names under torch.distributed.checkpoint: matched by order, as in torch.
    ids = [i for group in state_dict["param_groups"] for i in group["params"]]
    memory = {}
    for n, (i, p) in enumerate(zip(ids, training.bases.params, strict=True)):
        own = _own(state_dict["state"].get(i, {}))
        for name, part in own.items():
            if not isinstance(part, Tensor) or part.shape != p.shape:
                raise ValueError(
                    f"{PREFIX}{name} of parameter {i!r} in the checkpoint must be a tensor of its "
                    f"shape {tuple(p.shape)}, not {getattr(part, 'shape', part)!r}"
                )
        # What another method kept is of no use to this one, nor are places where nothing is yet.
        names = {name for name in kept if n not in kept[name]} & training.method.facts.keeps
        lost = sorted(names - own.keys())
        if lost:
            raise ValueError(
                f"the checkpoint lacks {PREFIX}{lost[0]} in the state of parameter {i!r}, which it "
                "says that it holds; take another checkpoint, or load the base optimizer's part "
                "alone: base.load_state_dict(...)"
            )
        wanted = {name: own[name] for name in names}
        if wanted:
            memory[p] = {name: part.detach().clone().to(p.device) for name, part in wanted.items()}
    return memory


def _compare(training: TrainingState, facts: dict[str, Any]) -> None:
    for name, now in (("method", repr(training.method)), ("bases", _kinds(training))):
        if (then := facts.get(name, now)) != now:
            around = "" if name == "method" else "an optimizer around "
            before, after = _apart(then, now) if name == "method" else (then, now)
            warnings.warn(
                f"the checkpoint was saved by {around}{before}, and training goes on with "
                f"{around}{after}",
                stacklevel=5,
            )


def _apart(then: str, now: str) -> tuple[str, str]:
    """The settings in which the texts of two methods differ; or both texts whole.

    >>> _apart("Ascent(metric=Euclidean(rho=0.1), k=2)", "Ascent(metric=Euclidean(rho=0.2), k=2)")
    ('a method with rho=0.1', 'rho=0.2')
    """
    try:
        trees = [ast.parse(text, mode="eval").body for text in (then, now)]
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return then, now
    differing = list(_differing("", *trees))
    if not all(name for name, *_ in differing) or not differing:
        return then, now
    before, after = (", ".join(f"{each[0]}={each[i]}" for each in differing) for i in (1, 2))
    return f"a method with {before}", after


def _differing(name: str, then: ast.expr, now: ast.expr) -> Iterator[tuple[str, str, str]]:
    """The innermost named arguments that differ, each with its texts then and now."""
    if ast.dump(then) == ast.dump(now):
        return
    if isinstance(then, ast.Call) and isinstance(now, ast.Call) and _alike(then, now):
        for one, other in zip(then.keywords, now.keywords, strict=True):
            yield from _differing(str(one.arg), one.value, other.value)
    else:
        yield name, ast.unparse(then), ast.unparse(now)


def _alike(one: ast.Call, other: ast.Call) -> bool:
    """Whether two calls differ in the values of named arguments alone."""
    first, second = (
        (ast.dump(call.func), [ast.dump(arg) for arg in call.args], [k.arg for k in call.keywords])
        for call in (one, other)
    )
    return first == second
