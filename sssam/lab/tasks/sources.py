"""Where examples come from: each source reads a `Pool`."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch

from sssam.lab.specs import DataSpec
from sssam.lab.specs.names import nearest
from sssam.lab.tasks import adapter
from sssam.lab.tasks.adapter import HUB
from sssam.lab.tasks.idx import fashion_mnist
from sssam.lab.tasks.pools import Pool, rows
from sssam.lab.tasks.text import text


class Source(NamedTuple):
    """How data are read; whether they take a path, the remedy for a wrong one; what else."""

    read: Callable[[DataSpec], Pool]
    path: Literal["none", "optional", "required"]
    remedy: str = ""
    takes: tuple[str, ...] = ("target", "length")


def digits(spec: DataSpec) -> Pool:
    """1,797 images of 8 x 8 in ten classes, inside scikit-learn; no test set of their own."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = torch.from_numpy(bunch.images).float().div(16).unsqueeze(1)
    labels = torch.from_numpy(bunch.target).long()
    return Pool(labels, images.__getitem__, 10, lambda: rows(images))


_PARQUET = "give the folder with train*.parquet and perhaps test*.parquet"
_IDX = "give the folder with the four IDX files, or no path for the hub"

SOURCES: dict[str, Source] = {
    "digits": Source(digits, "none", takes=()),
    "fashion-mnist": Source(fashion_mnist, "optional", _IDX, ()),
    "cifar10": Source(adapter.read, "optional", _PARQUET),
    "cifar100": Source(adapter.read, "optional", _PARQUET),
    "parquet": Source(adapter.read, "required", _PARQUET),
    "imagefolder": Source(adapter.read, "required", "give the folder with one folder per class"),
    "table": Source(adapter.read, "required", "give a .csv, .tsv or .parquet file"),
    "text": Source(text, "required", "give a file of text", ("length",)),
}


def source(spec: DataSpec) -> Source:
    """The source of a data set's name, or of `hub:ORGANISATION/NAME`, perhaps `/CONFIGURATION`.

    Raises:
        ValueError: no such name, with the nearest ones.
    """
    name = spec.name
    if name.startswith(HUB):
        words = name.removeprefix(HUB).split("/")
        if not 1 <= len(words) <= 3 or not all(words):
            raise ValueError(f"data {name!r}: write {HUB}ORGANISATION/NAME or {HUB}NAME")
        return Source(adapter.read, "none")
    if name not in SOURCES:
        raise ValueError(nearest("data", name, [*SOURCES, f"{HUB}ORGANISATION/NAME"]))
    return SOURCES[name]
