"""A text file, in which the next byte is to be predicted."""

from pathlib import Path

import torch

from sssam.lab.specs import DataSpec
from sssam.lab.tasks.pools import Pool, rows

#: Bytes of an example, where none are given.
LENGTH = 128


def text(spec: DataSpec) -> Pool:
    """A file, cut into pieces of `length` bytes; each byte's label is the one after it.

    The last tenth of the file is the test set; what is left of it at the end, short of a piece, is
    left out.

    Raises:
        ValueError: the file holds fewer than ten pieces.
    """
    length = spec.length or LENGTH
    content = torch.tensor(bytearray(Path(str(spec.path)).read_bytes()), dtype=torch.uint8)
    pieces = (len(content) - 1) // length
    if pieces < 10:
        raise ValueError(
            f"data {spec.path!r} hold {len(content)} bytes, need at least {10 * length + 1} for "
            f"pieces of length {length}: give a longer file or a smaller length"
        )
    inputs = content[: pieces * length].view(pieces, length)
    following = content[1 : pieces * length + 1].view(pieces, length)
    kept, size = lambda: rows(inputs), pieces // 10
    return Pool(following, inputs.__getitem__, 256, kept, size, vocabulary=256)
