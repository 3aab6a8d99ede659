"""Where examples come from: each source reads a `Pool`, which decodes the images asked for."""

import gzip
import struct
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

#: Where Debian's package `dataset-fashion-mnist` puts its four files.
DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")


class Pool(NamedTuple):
    """All examples of a data set; the last `test_size` of them are its own test set (0: none).

    `images(index)` gives float32 images in [0, 1] of shape (n, channels, height, width); `stored`
    are the images as they are kept, in their order, for a fingerprint.
    """

    labels: Tensor
    images: Callable[[Tensor], Tensor]
    classes: int
    stored: Callable[[], Iterable[bytes]]
    test_size: int = 0


class Source(NamedTuple):
    """How a data set is read, whether it takes a path, and what to do when the path is wrong.

    `standardised`: by mean and spread of the training images, per channel; else left in [0, 1].
    """

    read: Callable[[str | None], Pool]
    path: Literal["none", "optional", "required"]
    remedy: str = ""
    standardised: bool = True


@cache
def digits(path: str | None = None) -> Pool:
    """1,797 images of 8 x 8 in ten classes, inside scikit-learn; no test set of their own."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = torch.from_numpy(bunch.images).float().div(16).unsqueeze(1)
    return Pool(
        torch.from_numpy(bunch.target).long(), images.__getitem__, 10, lambda: _rows(images)
    )


@cache
def fashion_mnist(path: str | None = None) -> Pool:
    """60,000 and 10,000 images of 28 x 28: from IDX files, gzipped or not, or through the hub."""
    folder = Path(path) if path is not None else DEBIAN_FASHION_MNIST
    if not folder.exists():
        return through_datasets("fashion_mnist")
    images = torch.cat([read_idx(_idx(folder, f"{part}-images-idx3-ubyte")) for part in _PARTS])
    labels = torch.cat([read_idx(_idx(folder, f"{part}-labels-idx1-ubyte")) for part in _PARTS])
    test_size = len(read_idx(_idx(folder, "t10k-labels-idx1-ubyte")))
    return Pool(
        labels.long(),
        lambda i: images[i].unsqueeze(1) / 255.0,
        10,
        lambda: _rows(images),
        test_size,
    )


_PARTS = ("train", "t10k")


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


@cache
def cifar10(path: str | None = None) -> Pool:
    """50,000 and 10,000 images of 32 x 32 RGB: a folder of Parquet files, or through the hub."""
    return through_datasets("uoft-cs/cifar10") if path is None else parquet(path)


@cache
def parquet(path: str | None) -> Pool:
    """A folder with `train*.parquet` and perhaps `test*.parquet`: columns of images and labels."""
    folder = Path(path or ".")
    files = {part: sorted(map(str, folder.glob(f"{part}*.parquet"))) for part in ("train", "test")}
    if not files["train"]:
        raise FileNotFoundError(
            f"data path {path!r} has no train*.parquet: give the folder with those files"
        )
    return through_datasets("parquet", data_files={part: f for part, f in files.items() if f})


@cache
def imagefolder(path: str | None) -> Pool:
    """A folder per class, or `train/` and `test/` with a folder per class in each."""
    return through_datasets("imagefolder", data_dir=path)


def through_datasets(name: str, **where: Any) -> Pool:
    """A data set that Hugging Face `datasets` reads: its train part, and its test part if any.

    Raises:
        ValueError: no column of images, or none of labels.
    """
    import datasets

    if where or not sys.stderr.isatty():  # what lies on this machine is read in a second
        datasets.disable_progress_bars()
    parts = datasets.load_dataset(name, **where)
    chosen = [parts[part] for part in ("train", "test") if part in parts]
    image, label = _columns(chosen[0].features)
    labels = [torch.tensor(part[label][:], dtype=torch.long) for part in chosen]
    rows = datasets.concatenate_datasets(chosen) if len(chosen) > 1 else chosen[0]
    grey = rows[0][image].mode == "L"
    classes = getattr(chosen[0].features[label], "num_classes", None)
    return Pool(
        torch.cat(labels),
        lambda index: _decoded(rows.select(index.tolist())[image][:], grey),
        classes or int(torch.cat(labels).max()) + 1,
        lambda: _encoded(rows, image),
        test_size=len(labels[1]) if len(labels) > 1 else 0,
    )


def _rows(images: Tensor) -> Iterable[bytes]:
    return (image.numpy().tobytes() for image in images)


def _encoded(rows: Any, image: str) -> Iterable[bytes]:
    """The images' files, undecoded: inside the data, or beside them."""
    import datasets

    for row in rows.cast_column(image, datasets.Image(decode=False))[image]:
        yield row["bytes"] or Path(row["path"]).read_bytes()


def _columns(features: Any) -> tuple[str, str]:
    """The names of the columns that hold the image and the label."""
    image = next((c for c in ("img", "image") if c in features), None)
    label = next((c for c in ("label", "labels", "fine_label") if c in features), None)
    if image is None or label is None:
        raise ValueError(
            f"the data have columns {sorted(features)}: need 'img' or 'image', and 'label'"
        )
    return image, label


def _decoded(pictures: list[Any], grey: bool) -> Tensor:
    """Pictures of one size as float32 in [0, 1]; grey ones have one channel, others three."""
    sizes = sorted({picture.size for picture in pictures})
    if len(sizes) > 1:
        raise ValueError(
            f"images of {len(sizes)} sizes, such as {sizes[0]} and {sizes[-1]}: "
            "resize them to one size first"
        )
    arrays = [np.asarray(picture.convert("L" if grey else "RGB")) for picture in pictures]
    stacked = torch.from_numpy(np.stack(arrays))
    stacked = stacked.unsqueeze(-1) if grey else stacked
    return stacked.permute(0, 3, 1, 2).contiguous() / 255.0


SOURCES: dict[str, Source] = {
    "digits": Source(digits, "none", standardised=False),
    "fashion-mnist": Source(
        fashion_mnist, "optional", "give the folder with the four IDX files, or no path for the hub"
    ),
    "cifar10": Source(cifar10, "optional", "give the folder with train*.parquet and test*.parquet"),
    "parquet": Source(parquet, "required", "give the folder with train*.parquet"),
    "imagefolder": Source(imagefolder, "required", "give the folder with one folder per class"),
}
