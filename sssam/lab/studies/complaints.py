"""What is wrong in a study file, with its place: the file, the line, the row or task, the key."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from sssam.lab.runs.checks import MethodError
from sssam.lab.specs import invalid

#: What a key takes, in words.
TAKES: Mapping[str, str] = MappingProxyType(
    {
        "tasks": 'a list of names, or of tables such as {name = "digits", epochs = 20}',
        "methods": "tables, each below a line [[methods]], at least one",
        "seeds": "a number of seeds, at least 1, or a list of seeds",
        "tuning_seeds": "a number of seeds, at least 1, or a list of seeds",
        "budget": "a number from 1 (the base optimizer) to 2 (SAM)",
        "rho": 'a number, a list of numbers to choose among, "tune" or "tuned"',
        "learning_rate": "a number above 0, or a list of such numbers to choose among",
        "schedule": 'text such as "late(0.5)", or a table such as {family = "late", f = 0.5}',
        "control": '"compute-matched"',
        "tuned": "the path of what sssam tune left, or a list of such paths",
        "flatness": "true, or a table such as {samples = 512, rho = [0.1], eigenvalues = 1}",
    }
)
_ONE = MappingProxyType({"methods": "method", "tasks": "task"})


class KeyedError(ValueError):
    """What is wrong with one key of a table."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(text)
        self.key = key


class Place(NamedTuple):
    """A table of the file, the `number`-th of its name counted from 0; "" is the file's head."""

    table: str = ""
    number: int = 0
    label: str = ""

    def __str__(self) -> str:
        if self.table not in _ONE:
            return self.table
        return f"{_ONE[self.table]} {self.number + 1}" + (self.label and f" {self.label!r}")


class Text:
    """A study file's text, to say where in it something is wrong."""

    def __init__(self, path: Path, content: str) -> None:
        self.path, self.lines = path, content.splitlines()

    @contextmanager
    def at(
        self,
        place: Place,
        fields: Mapping[str, FieldInfo] = MappingProxyType({}),
        rows: Mapping[str, Place] = MappingProxyType({}),
    ) -> Iterator[None]:
        """Turns what is raised inside into a text that begins with the file, the line and the key.

        `fields` are those whose values are read inside; `rows` the places of rows by their labels,
        for errors that name one.

        Raises:
            ValueError, FileNotFoundError, ModuleNotFoundError, ConnectionError: as raised inside,
                or a ValueError for a TypeError.
        """
        try:
            yield
        except ValidationError as error:
            first = invalid.first(error)
            key = next((str(part) for part in first["loc"] if isinstance(part, str)), "")
            takes = None if place.table == "flatness" else TAKES.get(key)
            raise ValueError(self._told(place, key, _reason(first, takes, fields))) from error
        except KeyedError as error:
            raise ValueError(self._told(place, error.key, str(error))) from error
        except MethodError as error:
            raise ValueError(self._told(rows.get(error.label, place), "", error.reason)) from error
        except (FileNotFoundError, ModuleNotFoundError, ConnectionError) as error:
            raise type(error)(self._told(place, "", str(error))) from error
        except (ValueError, TypeError) as error:
            raise ValueError(self._told(place, "", str(error))) from error

    def _told(self, place: Place, key: str, reason: str) -> str:
        begun = re.match(r"(\w+) (?:must|is|hold) ", reason)
        line = self.line(place, key or (begun[1] if begun else ""))
        where = f"{self.path}, line {line}" if line else str(self.path)
        named = "" if reason.startswith("unknown") else key
        which = ", ".join(filter(None, (str(place), named)))
        return ": ".join(filter(None, (where, which, reason)))

    def line(self, place: Place, key: str) -> int | None:
        """The line of a key, counted from 1, if it can be told for certain, else its table's."""
        heads = [i for i, line in enumerate(self.lines) if re.match(r"\s*\[", line)]
        mine = [i for i in heads if _head(place.table, self.lines[i])]
        start = mine[place.number] if place.table and place.number < len(mine) else 0
        if place.table and not mine:  # an inline table
            return self._only(range(len(self.lines)), key) or self._only(
                range(len(self.lines)), place.table
            )
        end = next((i for i in heads if i > start), len(self.lines))
        return self._only(range(start, end), key) or (start + 1 if mine else self._headed(key))

    def _only(self, places: Iterable[int], key: str) -> int | None:
        pattern = re.compile(rf"""(^|[\s;{{,])["']?{re.escape(key)}["']?\s*=""")
        found = [i for i in places if key and pattern.search(self.lines[i])]
        return found[0] + 1 if len(found) == 1 else None

    def _headed(self, key: str) -> int | None:
        """The line of the first table that a key of the head names, such as [[method]]."""
        heads = (i for i, line in enumerate(self.lines) if key and _head(key, line))
        return next((i + 1 for i in heads), None)


def _head(table: str, line: str) -> bool:
    return re.match(rf"\s*\[\[?\s*{re.escape(table)}\s*\]", line) is not None


def _reason(found: Mapping[str, Any], takes: str | None, fields: Mapping[str, FieldInfo]) -> str:
    kind = found["type"]
    if takes and kind == "missing":
        return f"is missing: give {takes}"
    if takes and kind not in ("extra_forbidden", "value_error"):
        return f"must be {takes}, not {invalid.shown(found['input'])}"
    return invalid.reason(found, fields)
