"""Copies of many tensors in the host's memory, taken and put back in few operations."""

import torch
from torch import Tensor

#: Tensors of fewer numbers are put together for one operation: to call one for each takes longer
#: than to copy them.
SMALL = 4096
#: From so many numbers on, where in its page a copy begins changes how long it takes.
LARGE = 2**18


class Copies:
    """Tensors, and memory for a copy of each that is written again and again.

    Args:
        originals: tensors in the host's memory, by any number.
        rooms: memory for the copies of some, by that number; what is made for others of many
            numbers is added.

    Attributes:
        originals, copies: in the same order.
    """

    def __init__(self, originals: dict[int, Tensor], rooms: dict[int, Tensor]) -> None:
        small = _small(originals)
        together = {i for some in small for i in some}
        for i in originals.keys() - together - rooms.keys():
            rooms[i] = _room(originals[i])
        copies, self._flat = {**rooms}, list[tuple[Tensor, list[Tensor]]]()
        for some in small:
            parts = [originals[i].view(-1) for i in some]
            flat = torch.cat(parts)
            self._flat.append((flat, parts))
            pieces = zip(some, torch.split(flat, [*map(len, parts)]), strict=True)
            copies.update({i: piece.view(originals[i].shape) for i, piece in pieces})
        self.originals, self.copies = [*originals.values()], [copies[i] for i in originals]
        alone = [i for i in originals if i not in together]
        self._alone = [copies[i] for i in alone], [originals[i] for i in alone]

    def take(self) -> None:
        """Copy the tensors as they stand."""
        for flat, parts in self._flat:
            torch.cat(parts, out=flat)
        if self._alone[0]:
            torch._foreach_copy_(*self._alone)

    def put_back(self) -> None:
        """Write the copies over the tensors."""
        if self.copies:
            torch._foreach_copy_(self.originals, self.copies)


def _small(originals: dict[int, Tensor]) -> list[list[int]]:
    """The small tensors that can be put together: those of each type."""
    by_type: dict[torch.dtype, list[int]] = {}
    for i, x in originals.items():
        if x.numel() < SMALL and x.is_contiguous():
            by_type.setdefault(x.dtype, []).append(i)
    return [some for some in by_type.values() if len(some) > 1]


def _room(original: Tensor) -> Tensor:
    """Memory for a copy; of a large one it begins elsewhere in its page than the original.

    Where both begin alike, processors take loads from the one for loads of what was just stored in
    the other, and wait: a copy of 5 million weights then takes a fifth longer.
    """
    if original.numel() < LARGE or not original.is_contiguous():
        return torch.empty_like(original)
    flat = torch.empty(original.numel() + 256, dtype=original.dtype, device=original.device)
    return flat[256:].view(original.shape)
