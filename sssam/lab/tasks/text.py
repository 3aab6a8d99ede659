"""Text as bytes: a file to predict the next byte in, and short texts of one length."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

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
    return Pool(
        following,
        inputs.__getitem__,
        256,
        lambda: rows(inputs),
        test_size=pieces // 10,
        vocabulary=256,
    )


def padded(texts: Sequence[str], length: int) -> Tensor:
    """The first `length` bytes of each text in UTF-8, zeros before shorter ones: uint8 (n, length).

    >>> padded(["ab", "abcd"], 3).tolist()
    [[0, 97, 98], [97, 98, 99]]
    """
    kept = bytearray().join(each.encode()[:length].rjust(length, b"\0") for each in texts)
    return torch.frombuffer(kept, dtype=torch.uint8).view(-1, length)
