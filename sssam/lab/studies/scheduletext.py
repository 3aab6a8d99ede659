"""Schedules from text such as `late(0.5)`, as command lines and study files write them."""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from sssam import schedules
from sssam.lab.specs.invalid import nearest
from sssam.schedules import Schedule

#: The families that a text may name.
FAMILIES: Mapping[str, Callable[..., Schedule]] = {
    name: getattr(schedules, name)
    for name in ("constant", "cosine", "late", "linear", "piecewise", "power", "sine")
}
#: The methods of a schedule that a text may call.
_METHODS = ("clamp", "reversed", "then")
_JOINED: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}
_EXAMPLE = "write it like 'late(0.5)' or '(linear(0, 1) * 2 - 0.5).clamp(0, 1)'"


def parse(text: str) -> Schedule:
    """The schedule that a text names: families, numbers, `+ - *`, `clamp`, `reversed` and `then`.

    The text is read as a tree of literals and of the names above, and nothing in it is evaluated.

    Raises:
        ValueError: another name (with the nearest), anything else than the above, or a parameter
            out of its range.

    >>> parse("constant(0).then(linear(0.2, end=1), at=0.25)")
    constant(0.0).then(linear(0.2, 1.0), 0.25)
    """
    try:
        schedule = _value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError(f"schedule {text!r} can't be read: {_EXAMPLE}") from None
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"schedule {text!r}: {error}") from error
    if not isinstance(schedule, Schedule):
        raise ValueError(f"schedule {text!r} is no schedule: {_EXAMPLE}")
    return schedule


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return number
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return [_value(part) for part in parts]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -1 * _value(operand)
        case ast.BinOp(left=left, op=sign, right=right):
            if type(sign) not in _JOINED:
                raise ValueError("only +, - and * join schedules")
            return _JOINED[type(sign)](_value(left), _value(right))
        case ast.Call(func=function, args=args, keywords=words) if all(w.arg for w in words):
            named = {str(word.arg): _value(word.value) for word in words}
            return _function(function)(*map(_value, args), **named)
    raise ValueError(f"{ast.unparse(node)!r} is neither a number nor a schedule")


def _function(node: ast.expr) -> Callable[..., Any]:
    match node:
        case ast.Name(id="custom"):
            raise ValueError("'custom' takes a Python function, which no text can hold")
        case ast.Name(id=name) if name in FAMILIES:
            return FAMILIES[name]
        case ast.Name(id=name):
            raise ValueError(nearest("schedule", name, FAMILIES))
        case ast.Attribute(attr=name) if name not in _METHODS:
            raise ValueError(nearest("method of a schedule", name, _METHODS))
        case ast.Attribute(value=inner, attr=name) if isinstance(of := _value(inner), Schedule):
            method: Callable[..., Any] = getattr(of, name)
            return method
    raise ValueError(f"{ast.unparse(node)!r} is no schedule")
