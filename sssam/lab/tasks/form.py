"""What goes into a model and comes out of it."""

from typing import NamedTuple


class Form(NamedTuple):
    """The form of inputs and outputs.

    `shape` is of one input: (channels, height, width), (features,) or (length,). `classes` is the
    number of scores a sample, or a position with `each_position`. `vocabulary` is how many tokens
    can occur, None where inputs are no tokens.
    """

    shape: tuple[int, ...]
    classes: int
    vocabulary: int | None = None
    each_position: bool = False

    @property
    def kind(self) -> str:
        """What the inputs are: "images", "tokens" or "features"."""
        if self.vocabulary is not None:
            return "tokens"
        return "images" if len(self.shape) == 3 else "features"
