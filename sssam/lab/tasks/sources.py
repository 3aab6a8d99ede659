"""Where examples come from: each source reads a `Pool`."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch

from sssam.lab.specs import DataSpec
from sssam.lab.tasks import hub
from sssam.lab.tasks.hub import HUB
from sssam.lab.tasks.idx import fashion_mnist
from sssam.lab.tasks.pools import Pool, rows
from sssam.lab.tasks.table import table
from sssam.lab.tasks.text import text


class Source(NamedTuple):
    """How a data set is read, whether it takes a path, and what to do when the path is wrong."""

    read: Callable[[DataSpec], Pool]
    path: Literal["none", "optional", "required"]
    remedy: str = ""
    takes_target: bool = False
    takes_length: bool = False


def digits(spec: DataSpec) -> Pool:
    """1,797 images of 8 x 8 in ten classes, inside scikit-learn; no test set of their own."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = torch.from_numpy(bunch.images).float().div(16).unsqueeze(1)
    labels = torch.from_numpy(bunch.target).long()
    return Pool(labels, images.__getitem__, 10, lambda: rows(images))


_PARQUET = "give the folder with train*.parquet and test*.parquet"

SOURCES: dict[str, Source] = {
    "digits": Source(digits, "none"),
    "fashion-mnist": Source(
        fashion_mnist, "optional", "give the folder with the four IDX files, or no path for the hub"
    ),
    "cifar10": Source(hub.cifar10, "optional", _PARQUET),
    "cifar100": Source(hub.cifar100, "optional", _PARQUET, takes_target=True),
    "parquet": Source(
        hub.parquet,
        "required",
        "give the folder with train*.parquet",
        takes_target=True,
        takes_length=True,
    ),
    "imagefolder": Source(hub.imagefolder, "required", "give the folder with one folder per class"),
    "table": Source(table, "required", "give a .csv, .tsv or .parquet file", takes_target=True),
    "text": Source(text, "required", "give a file of text", takes_length=True),
}


def hub_source(name: str) -> Source:
    """The source of `hub:ORGANISATION/NAME`, perhaps with `/CONFIGURATION`.

    Raises:
        ValueError: no such name after `hub:`.
    """
    parts = name.removeprefix(HUB).split("/")
    if not 1 <= len(parts) <= 3 or not all(parts):
        raise ValueError(f"data {name!r}: write {HUB}ORGANISATION/NAME or {HUB}NAME")
    return Source(hub.named, "none", takes_target=True, takes_length=True)
