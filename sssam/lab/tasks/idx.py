"""Fashion-MNIST from IDX files, the format of MNIST's authors."""

import gzip
import struct
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sssam.lab.specs import DataSpec
from sssam.lab.tasks import adapter
from sssam.lab.tasks.pools import Pool, per_channel, rows

#: Where Debian's package `dataset-fashion-mnist` puts its four files.
DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")

_PARTS = ("train", "t10k")


def fashion_mnist(spec: DataSpec) -> Pool:
    """60,000 and 10,000 images of 28 x 28: from IDX files, gzipped or not, or through the hub."""
    folder = Path(spec.path) if spec.path is not None else DEBIAN_FASHION_MNIST
    if not folder.exists():
        return adapter.read(spec)
    images = torch.cat([read_idx(_idx(folder, f"{part}-images-idx3-ubyte")) for part in _PARTS])
    labels = [read_idx(_idx(folder, f"{part}-labels-idx1-ubyte")) for part in _PARTS]
    return Pool(
        torch.cat(labels).long(),
        lambda index: images[index].unsqueeze(1) / 255.0,
        10,
        lambda: rows(images),
        len(labels[1]),
        per_channel,
    )


def _idx(folder: Path, name: str) -> Path:
    for candidate in (folder / f"{name}.gz", folder / name):
        if candidate.exists():
            return candidate
    raise FileNotFoundError(
        f"data path {str(folder)!r} has no file {name}.gz: give the folder with the four IDX files "
        "of Fashion-MNIST"
    )


def read_idx(path: Path) -> Tensor:
    """The bytes of an IDX file: a magic number, the sizes (big-endian), then the values.

    Raises:
        ValueError: the file is no IDX file of bytes, or is cut short.
    """
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if len(raw) < 4 or raw[:3] != b"\x00\x00\x08":
        raise ValueError(f"{path} is no IDX file of bytes: it starts with {raw[:4]!r}")
    rank = raw[3]
    shape = struct.unpack(f">{rank}I", raw[4 : 4 + 4 * rank])
    values = np.frombuffer(raw, np.uint8, offset=4 + 4 * rank)
    if values.size != int(np.prod(shape)):
        raise ValueError(f"{path} holds {values.size} values, its head says {shape}: fetch it anew")
    return torch.from_numpy(values.reshape(shape).copy())
