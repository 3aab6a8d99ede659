"""Small folders of made-up data in the form of the real ones, to try the tasks on."""

from pathlib import Path
from typing import Any

import datasets
import numpy as np
from datasets import Features, Value
from PIL import Image

#: The folder of each task's data, by the variable that names it.
FOLDERS = {"CIFAR100_DATA": "cifar100", "IMAGENET_DATA": "imagenet", "LANGUAGE_DATA": "language"}
#: Images and blocks, four of which train; and images that test.
IMAGES, BLOCKS, TEST = 5, 6, 2


def folders(place: Path, length: int = 32) -> dict[str, str]:
    """Writes them all into an empty folder; returns the variables to set.

    A block has `length` + 1 tokens.
    """
    datasets.disable_progress_bars()
    source = np.random.default_rng(0)
    places = {variable: place / name for variable, name in FOLDERS.items()}
    for folder in places.values():
        folder.mkdir()
    cifar, imagenet, language = places.values()
    for part, size in (("train", IMAGES), ("test", TEST)):
        _images(cifar / f"{part}.parquet", source, size, (32, 32), ("img", "fine_label", 100))
    for part, size in (("train", IMAGES), ("validation", TEST)):
        _images(imagenet / f"{part}.parquet", source, size, (180, 320), ("image", "label", 1_000))
    tokens = source.integers(0, 50_257, (BLOCKS, length + 1), dtype=np.uint16).tolist()
    kind = {"tokens": datasets.List(Value("uint16"))}
    _write(language / "train.parquet", {"tokens": tokens}, kind)
    return {variable: str(folder) for variable, folder in places.items()}


def _images(
    path: Path,
    source: np.random.Generator,
    count: int,
    sides: tuple[int, int],
    columns: tuple[str, str, int],
) -> None:
    """Random pixels, both sides within two bounds, in random classes."""
    image, label, classes = columns
    sizes = source.integers(*sides, (count, 2), endpoint=True)
    made = [Image.fromarray(source.integers(0, 256, (*s, 3), dtype=np.uint8)) for s in sizes]
    labels = source.integers(0, classes, count).tolist()
    kinds = {image: datasets.Image(), label: Value("int64")}
    _write(path, {image: made, label: labels}, kinds)


def _write(path: Path, columns: dict[str, Any], kinds: dict[str, Any]) -> None:
    datasets.Dataset.from_dict(columns, features=Features(kinds)).to_parquet(str(path))
