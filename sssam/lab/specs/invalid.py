"""Names that users give, and what pydantic finds wrong with a value, in one line."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo


def safe(name: str) -> str:
    """A name as that of a file.

    >>> safe("../late blocks")
    'late-blocks'
    """
    return re.sub(r"[^\w.-]+", "-", name).strip(".-") or "study"


def nearest(kind: str, name: str, known: Iterable[str]) -> str:
    """The text of an error for an unknown name: the nearest ones, then all that there are."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
    return f"unknown {kind} {name!r}: {hint}known are {', '.join(names)}"


#: Errors that name a key: it stands in their text, so it is left out of their place.
_OF_KEYS = ("unknown_key", "extra_forbidden", "missing")
#: What must be, where pydantic speaks of Python.
_TYPES = {
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), "must be a table"),
    "bool_type": "must be true or false",
}
#: Characters that are printed of a value.
_WIDE = 80


def complaint(
    error: ValidationError, fields: Mapping[str, FieldInfo] | None = None, given: Any = None
) -> str:
    """The first thing that is wrong; an unknown key before all, since it may be another's typo.

    Args:
        error: pydantic's.
        fields: of the model, so that the nearest key to an unknown one can be named.
        given: what was validated; the place is then named by its keys alone, without the names of
            pydantic's own alternatives.

    >>> from sssam.lab.specs import Task
    >>> try:
    ...     Task.model_validate({"name": "a", "data": {"name": "b"}, "model": {"name": "c"},
    ...                          "momentum": 1.5})
    ... except ValidationError as error:
    ...     print(complaint(error))
    momentum must be less than 1, not 1.5
    """
    detail = _first(error)
    loc = detail["loc"][:-1] if detail["type"] in _OF_KEYS[1:] else detail["loc"]
    where = ".".join(map(str, loc)) if given is None else place(loc, given)
    why = _reason(detail, fields)
    if given is not None and detail["type"].endswith("_type"):  # perhaps of several that may be
        every = [e for e in error.errors() if place(e["loc"], given) == where]
        kinds = dict.fromkeys(_reason(each, fields).partition(", not ")[0] for each in every)
        others = [kind.replace("must be", " or", 1) for kind in kinds if not why.startswith(kind)]
        why = why.replace(", not ", f"{''.join(others)}, not ", 1)
    if not where or why.startswith(f"{where} "):
        return why
    return f"{where} {why}" if why.startswith("must ") else f"{where}: {why}"


def _first(error: ValidationError) -> Mapping[str, Any]:
    every = error.errors()
    deepest = max(every, key=lambda each: len(each["loc"]))  # of alternatives the intended one
    return next((each for each in every if each["type"] in _OF_KEYS[:2]), deepest)


def key(error: ValidationError, given: Any) -> str:
    """The way to the key that `complaint` is about, as `place` has it."""
    detail = _first(error)
    return place((*detail["loc"], detail.get("ctx", {}).get("key", "")), given)


def place(loc: tuple[str | int, ...], given: Any) -> str:
    """The way to a value in words, tables of a list counted from 1.

    >>> place(("variants", 1, "sam", "rho", "value"), {"variants": [{}, {"rho": -1}]})
    'variants 2, rho'
    """
    named: list[str] = []
    for part in loc:
        if isinstance(given, list) and isinstance(part, int) and named:
            given, named[-1] = given[part], f"{named[-1]} {part + 1}"
        elif isinstance(given, dict) and part in given:
            given, named = given[part], [*named, str(part)]
    return ", ".join(named)


def _reason(detail: Mapping[str, Any], fields: Mapping[str, FieldInfo] | None) -> str:
    """What must be, and what was given, in pydantic's words; of a key, the nearest."""
    kind, context = detail["type"], detail.get("ctx", {})
    key = str(detail["loc"][-1]) if detail["loc"] else ""
    match kind:
        case "missing":
            return f"{key} is missing"
        case "extra_forbidden":
            for above in detail["loc"][:-1]:  # down to the model that has the key
                fields = _within(fields[str(above)]) if fields and above in fields else fields
            return nearest("key", key, fields) if fields else f"unknown key {key!r}"
        case "unknown_key":
            return str(detail["msg"])
        case "union_tag_not_found":
            return f"{context['discriminator']} is missing".replace("'", "")
        case "union_tag_invalid":
            known = re.findall(r"'(\w+)'", context["expected_tags"])
            return nearest(context["discriminator"].strip("'"), context["tag"], known)
        case "value_error":
            return str(context["error"])
    said = _TYPES.get(kind) or re.sub("^Input should be", "must be", detail["msg"])
    if kind.endswith("_type") and "value" in detail["loc"]:  # of a setting that may be tuned
        said += ', a list of such, or "tune"'
    text = repr(detail["input"])
    return f"{said}, not {text if len(text) <= _WIDE else text[:_WIDE] + '...'}"


def _within(field: FieldInfo) -> Mapping[str, FieldInfo] | None:
    """The fields of the model that a field holds, or of one of its alternatives."""
    kinds = field.annotation, *get_args(field.annotation)
    return next((each.model_fields for each in kinds if hasattr(each, "model_fields")), None)
