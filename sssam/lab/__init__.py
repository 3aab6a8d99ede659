"""The laboratory: measures what each method costs and gains. `sssam` never uses it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sssam.lab.tasks.problem import Problem

__all__ = ["Problem"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """`Problem`, imported at its first use: the command's help needs no torch."""
        if name != "Problem":
            raise AttributeError(f"module 'sssam.lab' has no attribute {name!r}")
        from sssam.lab.tasks.problem import Problem

        return Problem
