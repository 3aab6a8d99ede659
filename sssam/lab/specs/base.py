"""What all specs share: immutable, typed values that refuse unknown keys."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Whole = Annotated[int, Field(ge=1)]


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"must be one line without control characters, not {text!r}")
    return text


#: What users name things: it is printed to terminals, which control characters would steer.
Name = Annotated[str, AfterValidator(_printable)]


def leaves(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Each value with its name; one within another is named `outer.inner`.

    >>> dict(leaves({"a": {"b": 1}, "c": 2}))
    {'a.b': 1, 'c': 2}
    """
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


class Spec(BaseModel):
    """A value: frozen, hashable by content, unknown keys are errors, NaN is not a number here."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
