"""What is wrong in a study file, with its place: the file, the line, the table and the key."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sssam.lab.runs.checks import MethodError
from sssam.lab.specs.invalid import reason
from sssam.lab.specs.names import nearest
from sssam.lab.training import methods

Where = Sequence[str | int]


def first(error: ValidationError) -> tuple[Where, str]:
    """Where pydantic's first complaint is, by keys and its own alternatives, and what it says.

    An unknown key comes before others, which may come of its typo.
    """
    every = error.errors()
    found: Any = next((each for each in every if each["type"] == "unknown_key"), every[0])
    place, context = found["loc"], found.get("ctx", {})
    match found["type"]:
        case "unknown_key":
            return (*place, context["key"]), found["msg"]
        case "missing":
            return place[:-1], f"{place[-1]} is missing"
        case "union_tag_not_found":
            return place, "kind is missing"
        case "union_tag_invalid":
            return place, nearest("kind", context["tag"], methods.KINDS)
    return place, reason(found)


class Text:
    """A study file's text, to say where in it something is wrong."""

    def __init__(self, path: Path, content: str) -> None:
        self.path, self.lines = path, content.splitlines()

    @contextmanager
    def at(self, *where: str | int, labels: Sequence[str] = ()) -> Iterator[None]:
        """Turns what is raised inside into a text that begins with the file, the line and the key.

        Args:
            where: the keys and numbers, from 0, that lead to the table that is read inside.
            labels: of the variants of the file, in their order, for errors that name one.

        Raises:
            ValueError, FileNotFoundError, ModuleNotFoundError, ConnectionError: as raised inside,
                or a ValueError for a TypeError.
        """
        try:
            yield
        except ValidationError as error:
            place, reason = first(error)
            raise ValueError(self._said((*where, *place), reason)) from error
        except MethodError as error:
            place = ("variants", labels.index(error.label)) if error.label in labels else where
            raise ValueError(self._said(place, error.reason)) from error
        except (FileNotFoundError, ModuleNotFoundError, ConnectionError) as error:
            raise type(error)(self._said(where, str(error))) from error
        except (ValueError, TypeError) as error:
            raise ValueError(self._said(where, str(error))) from error

    def _said(self, where: Where, reason: str) -> str:
        line, named = self.line(where)
        place = f"{self.path}, line {line}" if line else str(self.path)
        return ": ".join(filter(None, (place, named, reason)))

    def line(self, where: Where) -> tuple[int | None, str]:
        """The line, counted from 1, of the last key that the text has, and the way there in words.

        What leads there may hold the names of pydantic's own alternatives, which are passed over.
        """
        first, last, line, named = 0, len(self.lines), None, list[str]()
        for part in where:
            if isinstance(part, int):
                heads = [i for i in range(last) if named and self._begins(named[-1], i)]
                if named:
                    named[-1] += f" {part + 1}"
                if part < len(heads):
                    first, line = heads[part], heads[part] + 1
                    last = next((i for i in range(line, last) if self._begins("", i)), last)
                continue
            pattern = rf"""(^|[\s{{,\[])["']?{re.escape(part)}["']?\s*(=|\])"""
            rows = [i for i in range(first, last) if re.search(pattern, self.lines[i])]
            if rows:
                line, named = rows[0] + 1, [*named, part]
        return line, ", ".join(named)

    def _begins(self, table: str, i: int) -> bool:
        """Whether a line begins a table of a list of this name, any table for ""."""
        pattern = rf"\s*\[\[\s*{re.escape(table)}\s*\]\]" if table else r"\s*\["
        return re.match(pattern, self.lines[i]) is not None
