"""What goes into a model and comes out of it."""

from typing import NamedTuple


class Form(NamedTuple):
    """The shape of one input, how many scores come out, and whether inputs are tokens.

    `vocabulary` is how many tokens can occur, None for images and features; `each_position` says
    that each position has its own scores.
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

    def require(self, name: str, wanted: str) -> None:
        """Refuses inputs of another kind than the model takes.

        Raises:
            ValueError: names the model, what it takes, and what the data are.
        """
        if wanted == "any" and self.kind == "tokens":
            wanted = "images or features"
        if wanted not in ("any", self.kind):
            others = {"tokens": "transformer", "images": "resnet20", "features": "mlp"}
            raise ValueError(
                f"model {name!r} takes {wanted}, the data have {self.kind} of shape {self.shape}: "
                f"take another model, such as {others[self.kind]!r}"
            )
