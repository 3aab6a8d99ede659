"""An optimizer's state in torch's own format, with a method's part under names of its own.

Numbers and strings go to the param groups under `sssam.<name>`, tensors to the state of their
parameter under `sssam.<name>`, so that `torch.load(weights_only=True)` and
`torch.distributed.checkpoint` take it, and the base optimizer loads it too.
"""

import json
import warnings
from typing import Any

from torch import Tensor

from sssam.bases import State
from sssam.engine import Engine

PREFIX = "sssam."


def save(engine: Engine) -> State:
    """The base optimizers' state dict, with the books, the method and what it remembers."""
    saved = engine.bases.state_dict()
    _add_memory(engine, saved)
    facts = _facts(engine)
    saved["param_groups"] = [{**group, **facts} for group in saved["param_groups"]]
    return saved


def _facts(engine: Engine) -> dict[str, Any]:
    books = engine.books
    facts = {
        "steps": books.steps,
        "ascents": books.ascents,
        "forwards": books.forwards,
        "backwards": books.backwards,
        "voided": int(books.voided),
        "method": repr(engine.method),
        "shapes": engine.bases.shapes(),
        # One text for all: torch.distributed.checkpoint loads no key that is not there before.
        "numbers": json.dumps(engine.numbers),
    }
    return {PREFIX + name: value for name, value in facts.items()}


def _numbers(engine: Engine) -> list[Tensor]:
    return [p for group in engine.bases.param_groups for p in group["params"]]


def _add_memory(engine: Engine, saved: State) -> None:
    state = saved["state"] = dict(saved["state"])
    for i, p in enumerate(_numbers(engine)):
        kept = {PREFIX + name: part for name, part in engine.memory.get(p, {}).items()}
        if kept:
            state[i] = {**state.get(i, {}), **kept}


def load(engine: Engine, state_dict: State) -> None:
    """Load what `save` made, or a plain checkpoint of the base optimizer, which has no books.

    Raises:
        ValueError: for another model's checkpoint, before anything is changed.
    """
    engine.bases.anticipate(state_dict["param_groups"])
    facts = _own(state_dict["param_groups"][0]) if state_dict["param_groups"] else {}
    _check(engine, facts)
    groups = [_without_own(group) for group in state_dict["param_groups"]]
    state = {
        key: _without_own(value) if isinstance(value, dict) else value
        for key, value in state_dict["state"].items()
    }
    # A method's tensors alone must not look like the base's state, which it makes when it is empty.
    state = {key: value for key, value in state.items() if value != {}}
    engine.bases.load_state_dict({**state_dict, "state": state, "param_groups": groups})
    _restore_memory(engine, state_dict)
    for name in ("steps", "ascents", "forwards", "backwards"):
        setattr(engine.books, name, facts.get(name, getattr(engine.books, name)))
    engine.books.voided.fill_(facts.get("voided", 0))
    engine.numbers.clear()
    engine.numbers |= json.loads(facts.get("numbers", "{}"))


def _own(entries: dict[str, Any]) -> dict[str, Any]:
    return {k.removeprefix(PREFIX): v for k, v in entries.items() if str(k).startswith(PREFIX)}


def _without_own(entries: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in entries.items() if not str(k).startswith(PREFIX)}


def _check(engine: Engine, facts: dict[str, Any]) -> None:
    if facts.get("shapes", engine.bases.shapes()) != engine.bases.shapes():
        raise ValueError(
            "state_dict is a checkpoint of another model: its parameters have other shapes than "
            "this optimizer's, or another order; build the optimizer over the model it belongs to"
        )
    method = repr(engine.method)
    if facts.get("method", method) != method:
        warnings.warn(
            f"the checkpoint was saved by {facts['method']}, and training goes on with {method}",
            stacklevel=4,
        )


def _restore_memory(engine: Engine, state_dict: State) -> None:
    engine.memory.clear()
    engine.rooms_made = False
    # Ids are numbers, or names under torch.distributed.checkpoint: matched by order, as in torch.
    ids = [i for group in state_dict["param_groups"] for i in group["params"]]
    for i, p in zip(ids, _numbers(engine), strict=True):
        own = _own(state_dict["state"].get(i, {}))
        kept = {name: part.detach().clone().to(p.device) for name, part in own.items()}
        if kept:
            engine.memory[p] = kept
