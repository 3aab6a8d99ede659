"""What all specs share: immutable, typed values that refuse unknown keys."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Whole = Annotated[int, Field(ge=1)]


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"must be one line without control characters, not {text!r}")
    return text


#: What users name things: it is printed to terminals, which control characters would steer.
Name = Annotated[str, AfterValidator(_printable)]


class Spec(BaseModel):
    """A value: frozen, hashable by content, unknown keys are errors, NaN is not a number here."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
