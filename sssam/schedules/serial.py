"""Schedules from plain JSON values, as `Schedule.to_dict` writes them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields
from difflib import get_close_matches
from typing import Any

from sssam.schedules import algebra, blocks, callables, families
from sssam.schedules.algebra import Schedule

Callables = Mapping[str, Callable[[float], float]]

KINDS: dict[str, type[Schedule]] = {
    kind.kind: kind
    for kind in (
        families.Constant,
        families.Linear,
        families.Cosine,
        families.Sine,
        families.Power,
        callables.Custom,
        blocks.Piecewise,
        blocks.Late,
        algebra.Sum,
        algebra.Difference,
        algebra.Product,
        algebra.Clamp,
        algebra.Reversed,
        algebra.Then,
    )
}


def from_dict(value: Mapping[str, Any], callables: Callables | None = None) -> Schedule:
    """The schedule that `to_dict` wrote; nothing is imported or evaluated.

    Args:
        value: a mapping with "kind" and the parameters of that kind, nested for the algebra.
        callables: the functions that `custom` schedules may name, by `module:qualname`.

    Returns:
        A schedule equal to the one that was written.

    Raises:
        ValueError: an unknown kind, an unknown or missing key, or a parameter out of range.
        TypeError: not a mapping, or a parameter of the wrong type.

    >>> from_dict({"kind": "reversed", "inner": {"kind": "late", "f": 0.25}})
    late(0.25).reversed()
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"a schedule must be a mapping with a 'kind', not {value!r}")
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"kind must be a known one, not {kind!r}; {_nearest(kind, KINDS)}")
    given = {name: value[name] for name in value if name != "kind"}
    _require_keys(kind, given)
    return KINDS[kind](**{name: _read(name, given[name], callables or {}) for name in given})


def _require_keys(kind: str, given: Iterable[str]) -> None:
    known = {f.name: f.default is MISSING for f in fields(KINDS[kind])}
    for name in given:
        if name not in known:
            raise ValueError(f"{kind} has no parameter {name!r}; {_nearest(name, known)}")
    if missing := [name for name, needed in known.items() if needed and name not in given]:
        raise ValueError(f"{kind} lacks {', '.join(map(repr, missing))}")


def _read(name: str, value: Any, callables: Callables) -> Any:
    if name == "callable":
        return _named(value, callables)
    if isinstance(value, Mapping):
        return from_dict(value, callables)
    return tuple(value) if isinstance(value, list) else value


def _named(name: Any, callables: Callables) -> Callable[[float], float]:
    if isinstance(name, str) and name in callables:
        return callables[name]
    raise ValueError(
        f"callable must be one of the callables given, {sorted(callables)}, not {name!r}; text is "
        f"never imported or evaluated: pass from_dict(..., callables={{{name!r}: function}})"
    )


def _nearest(name: object, known: Iterable[str]) -> str:
    near = get_close_matches(name, known) if isinstance(name, str) else []
    return f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
