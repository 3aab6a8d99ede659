"""Where examples come from, by the names of `DataSpec`: each reader gives a `Pool`.

The parameters of a reader, of `path` and `target`, are the settings that its data take.
"""

import gzip
import inspect
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sssam.lab.specs import DataSpec
from sssam.lab.specs.names import nearest
from sssam.lab.tasks import adapter
from sssam.lab.tasks.pools import Pool, per_channel, rows

#: What the name of a data set on the hub begins with.
HUB = "hub:"

#: Where Debian's package `dataset-fashion-mnist` puts its four IDX files.
DEBIAN_FASHION_MNIST = "/usr/share/datasets/fashion-mnist"


def digits() -> Pool:
    """1,797 images of 8 x 8 in ten classes, inside scikit-learn; no test set of their own."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = torch.from_numpy(bunch.images).float().div(16).unsqueeze(1)
    labels = torch.from_numpy(bunch.target).long()
    return Pool(labels, images.__getitem__, 10, lambda: rows(images))


def fashion_mnist(path: str | None = None) -> Pool:
    """60,000 and 10,000 images of 28 x 28: from IDX files, gzipped or not, or through the hub."""
    folder = Path(path or DEBIAN_FASHION_MNIST)
    if not folder.exists():
        return adapter.hub("zalando-datasets/fashion_mnist")
    parts = ("train", "t10k")
    images = torch.cat([_idx(folder, f"{part}-images-idx3-ubyte") for part in parts])
    labels = [_idx(folder, f"{part}-labels-idx1-ubyte") for part in parts]
    return Pool(
        torch.cat(labels).long(),
        lambda index: images[index].unsqueeze(1) / 255.0,
        10,
        lambda: rows(images),
        len(labels[1]),
        per_channel,
    )


def _idx(folder: Path, name: str) -> Tensor:
    """The bytes of an IDX file: a magic number, the sizes (big-endian), then the values."""
    path = next((f for f in (folder / f"{name}.gz", folder / name) if f.exists()), None)
    if path is None:
        raise FileNotFoundError(
            f"data path {str(folder)!r} has no file {name}.gz: give the folder with the four IDX "
            "files of Fashion-MNIST"
        )
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rank = raw[3] if raw[:3] == b"\x00\x00\x08" and len(raw) > 3 else 0
    shape = struct.unpack_from(f">{rank}I", raw, 4) if len(raw) >= 4 + 4 * rank else ()
    values = np.frombuffer(raw, np.uint8, offset=min(4 + 4 * rank, len(raw)))
    if not rank or values.size != int(np.prod(shape)):
        raise ValueError(f"{path} is no whole IDX file of bytes: fetch it anew")
    return torch.from_numpy(values.reshape(shape).copy())


def cifar10(path: str | None = None, target: str | None = None) -> Pool:
    """50,000 and 10,000 images of 32 x 32: from a folder of Parquet files, or through the hub."""
    if path is None:
        return adapter.hub("uoft-cs/cifar10", target)
    return adapter.folder(path, target)


READERS: dict[str, Callable[..., Pool]] = {
    "digits": digits,
    "fashion-mnist": fashion_mnist,
    "cifar10": cifar10,
    "folder": adapter.folder,
    "table": adapter.table,
}


def reader(name: str) -> Callable[..., Pool]:
    """The reader of a data set's name, or of `hub:ORGANISATION/NAME`, perhaps `/CONFIGURATION`.

    Raises:
        ValueError: no such name, with the nearest ones.
    """
    if name.startswith(HUB):
        words = name.removeprefix(HUB).split("/")
        if len(words) > 3 or not all(words):
            raise ValueError(f"data {name!r}: write {HUB}ORGANISATION/NAME or {HUB}NAME")
        return partial(adapter.hub, name.removeprefix(HUB))
    if name not in READERS:
        raise ValueError(nearest("data", name, [*READERS, f"{HUB}ORGANISATION/NAME"]))
    return READERS[name]


def settings(spec: DataSpec) -> dict[str, str]:
    """What a spec gives its reader, checked before anything is read.

    Raises:
        ValueError: no such data set (with the nearest names), a path that it needs or can't use,
            or another setting that it can't use.
        FileNotFoundError: `path` does not exist.
    """
    given = {"path": spec.path, "target": spec.target}
    takes = inspect.signature(reader(spec.name)).parameters
    for name, value in given.items():
        if value is not None and name not in takes:
            raise ValueError(f"data {spec.name!r} takes no {name}, got {value!r}: leave it out")
    if spec.path is None and "path" in takes and takes["path"].default is inspect.Parameter.empty:
        raise ValueError(f"data {spec.name!r} needs a path: give its file or folder")
    if spec.path is not None and not Path(spec.path).exists():
        raise FileNotFoundError(
            f"data path {spec.path!r} does not exist: give the file or folder of {spec.name!r}"
        )
    return {name: value for name, value in given.items() if value is not None}
