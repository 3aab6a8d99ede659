"""What pydantic finds wrong with a value, in one line and in the project's words."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from sssam.lab.specs.names import nearest

#: What must be, by pydantic's type of error, with the values of its context.
_MUST = MappingProxyType(
    {
        "greater_than": "above {gt:g}",
        "greater_than_equal": "at least {ge:g}",
        "less_than": "below {lt:g}",
        "less_than_equal": "at most {le:g}",
        "finite_number": "a finite number",
        "literal_error": "{expected}",
        "int_type": "a whole number",
        "int_parsing": "a whole number",
        "int_from_float": "a whole number",
        "float_type": "a number",
        "float_parsing": "a number",
        "bool_type": "true or false",
        "bool_parsing": "true or false",
        "string_type": "text",
        "dict_type": "a table",
        "model_type": "a table",
        "list_type": "a list",
        "tuple_type": "a list",
    }
)
#: Characters that are shown of a value.
_WIDE = 80
#: The bounds of a number, by their names in a field's metadata.
_BOUNDS = MappingProxyType({"ge": "at least", "gt": "above", "le": "at most", "lt": "below"})


def complaint(error: ValidationError, fields: Mapping[str, FieldInfo] | None = None) -> str:
    """The first thing that is wrong: where, what must be, and what was given.

    An unknown key comes before all, since it may be a missing one's typo. `fields` are those of the
    model, whose numbers are then named with all their bounds.

    >>> from sssam.lab.specs import Task
    >>> try:
    ...     Task.model_validate({"name": "a", "data": {"name": "b"}, "model": {"name": "c"},
    ...                          "momentum": 1.5})
    ... except ValidationError as error:
    ...     print(complaint(error, Task.model_fields))
    momentum must be at least 0 and below 1, not 1.5
    """
    every = error.errors()
    found = next((each for each in every if each["type"] == "extra_forbidden"), every[0])
    where, why = ".".join(map(str, found["loc"])), reason(found, fields)
    if not where or why.startswith(("unknown", f"{where} ")):
        return why
    return f"{where} {why}" if why.startswith(("must ", "is ")) else f"{where}: {why}"


def reason(found: Mapping[str, Any], fields: Mapping[str, FieldInfo] | None = None) -> str:
    """What must be, and what was given, of one of pydantic's errors."""
    kind, context = found["type"], found.get("ctx", {})
    key = str(found["loc"][-1]) if found["loc"] else ""
    for above in found["loc"][:-1]:  # down to the model that has the key
        field = fields.get(str(above)) if fields else None
        fields = getattr(field and field.annotation, "model_fields", None)
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return nearest("key", key, fields) if fields else f"unknown key {key!r}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "json_invalid":
        return f"no JSON: {context['error']}"
    if kind in _MUST:
        must = _bounds(fields.get(key) if fields else None) or _MUST[kind].format(**context)
        return f"must be {must}, not {_shortened(found['input'])}"
    return f"{found['msg'][0].lower()}{found['msg'][1:]}, not {_shortened(found['input'])}"


def _shortened(given: object) -> str:
    """What was given, as far as a line has room for it."""
    text = repr(given)
    return text if len(text) <= _WIDE else f"{text[:_WIDE]}..."


def _bounds(field: FieldInfo | None) -> str:
    """The range of a number, where its field has two bounds."""
    if field is None:
        return ""
    bounds = [
        f"{word} {getattr(each, name):g}"
        for each in field.metadata
        for name, word in _BOUNDS.items()
        if getattr(each, name, None) is not None
    ]
    return " and ".join(bounds) if len(bounds) > 1 else ""
