"""Rows of a comparison from words: by label, by kind, or by kind with settings."""

import ast
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from sssam.lab import tasks
from sssam.lab.runs import checks
from sssam.lab.specs import Method, Task
from sssam.lab.specs.invalid import complaint
from sssam.lab.specs.names import nearest
from sssam.lab.studies import scheduletext
from sssam.lab.studies.design import Grid
from sssam.lab.training import methods
from sssam.lab.tuned import Tuned

#: What is multiplied with the default rho of a row's class, for every kind alike, when it is tuned.
FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)

#: The schedule of the kind "sssam" where none is named: the paper's linear one.
DEFAULT_SCHEDULE = "linear(0, 1)"

#: How rows of a kind are called.
NAMES: Mapping[str, str] = MappingProxyType(
    {
        kind: "base" if made is None else made.__name__.replace("SSSAM", "SS-SAM")
        for kind, made in methods.KINDS.items()
    }
)


def all_rows(task: Task) -> list[Method]:
    """A row for every kind that the task's model can have, at the settings of the kind's class.

    The schedule of "sssam" is `DEFAULT_SCHEDULE`. Rows that do not suit the task are left out.
    """
    return [row for row in map(_of_kind, methods.KINDS) if suits(row, task)]


def default_rows(task: Task, values: Tuned | None = None) -> list[Method]:
    """The rows of a comparison, each with its tuned rho, or else the default of its class."""
    return [
        with_tuned(row.model_copy(update={"rho": methods.default_rho(row.kind)}), values)
        for row in tasks.untuned_rows(task)
    ]


def suits(method: Method, task: Task) -> bool:
    """Whether the method can train the task: SAM-ON needs norm layers, ESAM a loss a sample."""
    try:
        checks.check(task, [method])
    except checks.MethodError:
        return False
    return True


def tuning_grid(method: Method) -> Grid:
    """The grid of a row whose rho is to be tuned: `FACTORS` times its class's default, and beyond.

    A row that has no rho has nothing to tune.
    """
    unit = methods.default_rho(method.kind)
    if not unit:
        return Grid(method=method)
    return Grid(method=method, unit=unit, factors=FACTORS, grows=True)


def chosen(task: Task, words: str | None, values: Tuned | None = None) -> list[Method]:
    """The rows that words name, separated by commas; the task's default rows for None.

    Each word is the label of a default row, in any case; a kind, such as `esam`; a kind with
    settings, such as `looksam:k=5,rho=0.1` or `sssam:schedule=late(0.5)`; `default`, for the
    default rows; or `all`, for a row of every kind. A rho that is not given is the one that was
    tuned on the task, if `values` has one, else the class's default.

    Raises:
        ValueError: no such row or kind (with the nearest), an empty name, a setting that the kind
            does not have, a value out of its range.
    """
    if words is None:
        return default_rows(task, values)
    found: dict[str, Method] = {}
    for word in _split(words):
        if not word:
            raise ValueError(
                f"methods are {words!r}, with no name where one is to stand: name rows such as "
                "'base,SAM', or 'default', or 'all'"
            )
        for row in _named(word, task, values):
            found.setdefault(row.label, row)
    return list(found.values())


def _named(word: str, task: Task, values: Tuned | None) -> list[Method]:
    known = default_rows(task, values)
    if word.casefold() == "default":
        return known
    if word.casefold() == "all":
        return [with_tuned(row, values) for row in all_rows(task)]
    for row in known:
        if row.label.casefold() == word.casefold():
            return [row]
    kind, _, settings = word.partition(":")
    if kind.casefold() not in methods.KINDS:
        raise ValueError(nearest("method", word, [*(r.label for r in known), *methods.KINDS]))
    if not settings:
        return [with_tuned(_of_kind(kind.casefold()), values)]
    return [_with_settings(kind.casefold(), settings, word)]


def _of_kind(kind: str, schedule: str | None = None) -> Method:
    if kind == "sssam":
        schedule = schedule or DEFAULT_SCHEDULE
    return Method(
        label=NAMES[kind],
        kind=kind,
        rho=methods.default_rho(kind),
        schedule=None if schedule is None else scheduletext.parse(schedule).to_dict(),
    )


def with_tuned(row: Method, values: Tuned | None) -> Method:
    """The row at the rho that was tuned for it, or as it is where none was."""
    rho = None if values is None or not row.rho else values.found(row.label)
    return row if rho is None else row.model_copy(update={"rho": rho})


def _with_settings(kind: str, text: str, word: str) -> Method:
    given = _settings(text, word)
    row = {**dict(_of_kind(kind, given.pop("schedule", None))), "label": word}
    fields = {
        "rho",
        "learning_rate",
        "weight_decay",
        "label_smoothing",
        "dropout",
        "length",
    } & given.keys()
    row |= {name: given.pop(name) for name in fields}
    try:
        return Method.model_validate({**row, "options": given})
    except ValidationError as error:
        raise ValueError(f"method {word!r}: {complaint(error)}") from error


def _settings(text: str, word: str) -> dict[str, Any]:
    pairs = [_setting(part, word) for part in _pieces(text)]
    names = [name for name, _ in pairs]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"method {word!r}: {twice[0]} is given twice: name it once")
    return dict(pairs)


def _setting(part: str, word: str) -> tuple[str, Any]:
    name, equals, value = (piece.strip() for piece in part.partition("="))
    if not (name and equals and value):
        raise ValueError(f"method {word!r}: {part.strip()!r} is no setting of the form NAME=VALUE")
    return name, value if name == "schedule" else literal(value)


def literal(text: str) -> bool | int | float | str:
    """A number or truth value, where the text is one, else the text.

    >>> literal("5"), literal("0.1"), literal("true"), literal("per-step")
    (5, 0.1, True, 'per-step')
    """
    if text.casefold() in ("true", "false"):
        return text.casefold() == "true"
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return value if isinstance(value, int | float | str) else text


def _split(words: str) -> list[str]:
    """The words between commas, where settings stay with their kind.

    >>> _split("base, looksam:k=5,rho=0.1,sssam:schedule=piecewise([0.5], [0.2, 0.8])")
    ['base', 'looksam:k=5,rho=0.1', 'sssam:schedule=piecewise([0.5], [0.2, 0.8])']
    """
    found: list[str] = []
    for piece in _pieces(words):
        if found and ":" in found[-1] and re.match(r"\s*\w+\s*=", piece):
            found[-1] += f",{piece.strip()}"
        else:
            found.append(piece.strip())
    return found


def _pieces(text: str) -> Sequence[str]:
    """The text cut at the commas that stand in no bracket."""
    depth, start, found = 0, 0, []
    for place, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth <= 0:
            found.append(text[start:place])
            start = place + 1
    return [*found, text[start:]]
