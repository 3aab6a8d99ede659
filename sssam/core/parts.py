"""The parts of a value that is composed of dataclasses, such as a method."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import TypeVar

X = TypeVar("X")


def parts(value: object, kind: type[X]) -> Iterator[X]:
    """The value and what it is composed of, at any depth, as far as that is of this kind."""
    if isinstance(value, kind):
        yield value
    if is_dataclass(value):
        for field in fields(value):
            yield from parts(getattr(value, field.name, None), kind)
