"""Numbers and lists as text."""

from collections.abc import Callable, Sequence

from sssam.lab.stats import Interval


def signed(value: float, digits: int = 1) -> str:
    """A difference with its sign; what rounds to zero has none.

    >>> signed(6.84), signed(-0.26), signed(-0.01)
    ('+6.8', '-0.3', '0.0')
    """
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text


def ends(value: Interval, form: Callable[[float], str]) -> str:
    """The ends of an interval in brackets; empty where it has none."""
    if value.low is None or value.high is None:
        return ""
    return f"[{form(value.low)}, {form(value.high)}]"


def ranged(value: Interval, form: Callable[[float], str], unit: str = "") -> str:
    """A mean, in its unit, with the ends of its interval.

    >>> ranged(Interval(93.44, 92.9, 94.0, 12), "{:.1f}".format, "%")
    '93.4% [92.9, 94.0]'
    """
    return f"{form(value.mean)}{unit} {ends(value, form)}".rstrip()


def points(difference: Interval, digits: int = 1) -> str:
    """A difference in percentage points with its interval.

    >>> points(Interval(6.84, 6.3, 7.4, 20))
    '+6.8 points [+6.3, +7.4]'
    """
    return ranged(difference, lambda value: signed(value, digits), " points")


def counted(n: float, noun: str) -> str:
    """A number with its noun, in the plural where it is not one.

    >>> counted(1, "seed"), counted(0.5, "point")
    ('1 seed', '0.5 points')
    """
    return f"{n:.12g} {noun}{'' if n == 1 else 's'}"


def listed(names: Sequence[str], most: int | None = None) -> str:
    """Names in a row, the last after "and"; beyond `most` of them, how many more there are.

    >>> listed(["a", "b", "c"]), listed(["a", "b", "c"], most=1)
    ('a, b and c', 'a and 2 more')
    """
    every = list(names)
    if most is not None and len(every) > most:
        every = [*every[:most], f"{len(every) - most} more"]
    return " and ".join(part for part in (", ".join(every[:-1]), *every[-1:]) if part)
