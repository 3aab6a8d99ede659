"""Data in files and on the hub, all through Hugging Face's `datasets.load_dataset`."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sssam.lab.specs import DataSpec
from sssam.lab.specs.names import nearest
from sssam.lab.tasks.features import features
from sssam.lab.tasks.pools import Decoded, Pool, per_channel, per_column, rows, sizes_differ

#: What the name of a data set on the hub begins with.
HUB = "hub:"
#: Where built-in names lie on the hub.
HOMES = {
    "cifar10": "uoft-cs/cifar10",
    "cifar100": "uoft-cs/cifar100",
    "fashion-mnist": "zalando-datasets/fashion_mnist",
}
#: Columns that are taken for the labels, the first one that is there.
LABELS = ("label", "labels", "fine_label", "target", "class", "y")
#: Columns of text that are taken for the inputs, where there are no images.
TEXTS = ("text", "sentence", "content", "review", "question")
#: Bytes of a text, where no length is given.
LENGTH = 256


def read(spec: DataSpec) -> Pool:
    """Images, short texts or a table's features, each with its class.

    Inputs are a column of images; or one of text by one of the names of `TEXTS`; or all columns but
    the label's, numbers and categories. The test part is the test set; where it is missing or its
    labels are withheld, the validation part is.

    Raises:
        ValueError: files that can't be read; no column of labels, or none of inputs; labels that
            are missing, no classes, or always the same.
        FileNotFoundError: a folder without train*.parquet.
        ConnectionError: the hub can't be reached.
    """
    import datasets

    name, where = _place(spec)
    parts = _loaded(name, where, spec.path or name)
    if "train" not in parts:
        raise ValueError(f"data {name!r} has the parts {sorted(parts)}: need 'train'")
    kinds = parts["train"].features
    label = _label(spec, kinds)
    chosen = [parts["train"], *_test(parts, label)]
    labels, classes = _classes(chosen, label)
    inputs = [each for each in kinds if each != label]
    images = [each for each in inputs if isinstance(kinds[each], datasets.Image)]
    texts = [each for each in TEXTS if each in inputs]
    joined = datasets.concatenate_datasets([each.select_columns(inputs) for each in chosen])
    size = len(chosen[1]) if len(chosen) > 1 else 0
    if spec.length is not None and (images or not texts):
        raise ValueError(f"data {spec.name!r} takes no length, got {spec.length}: leave it out")
    if images:
        return _pictures(joined, images[0], labels, classes, size)
    if texts:
        return _texts(joined[texts[0]][:], labels, classes, size, spec.length or LENGTH)
    table, numbers = features(joined)
    scaled = partial(per_column, numbers)
    return Pool(labels, table.__getitem__, classes, lambda: rows(table), size, scaled)


def _place(spec: DataSpec) -> tuple[str, dict[str, Any]]:
    """What `load_dataset` is asked for: a builder or a name on the hub, and its arguments."""
    if spec.path is None:
        words = HOMES.get(spec.name, spec.name).removeprefix(HUB).split("/")
        return "/".join(words[:2]), {"name": words[2]} if len(words) > 2 else {}
    path = Path(spec.path)
    if spec.name == "imagefolder":
        _require_images(path)
        return "imagefolder", {"data_dir": spec.path}
    if path.suffix in (".csv", ".tsv"):  # whole, since types are guessed anew in each chunk
        separator = "\t" if path.suffix == ".tsv" else ","
        return "csv", {"data_files": spec.path, "sep": separator, "chunksize": None}
    if path.is_file():
        return "parquet", {"data_files": spec.path}
    files = {part: sorted(map(str, path.glob(f"{part}*.parquet"))) for part in ("train", "test")}
    if not files["train"]:
        raise FileNotFoundError(
            f"data path {spec.path!r} has no train*.parquet: give the folder with those files"
        )
    return "parquet", {"data_files": {part: found for part, found in files.items() if found}}


def _require_images(folder: Path) -> None:
    from datasets.packaged_modules.imagefolder.imagefolder import ImageFolder

    endings = {*ImageFolder.EXTENSIONS, ".zip", ".tar", ".gz", ".tgz"}
    if not any(each.suffix.lower() in endings for each in folder.rglob("*")):
        raise ValueError(
            f"folder {str(folder)!r} holds no image: give one with a folder of images for each "
            "class, with train*.parquet, or the directory of a study"
        )


def _loaded(name: str, where: Mapping[str, Any], place: str) -> Any:
    """The parts of a data set by name; what is wrong with them names the place."""
    import datasets

    try:
        with _bars(shown=name == place and sys.stderr.isatty()):
            return datasets.load_dataset(name, **where)
    except ConnectionError as error:
        remedy = "go on when it can be reached, or name a folder with a copy of the data"
        raise ConnectionError(f"{error}: {remedy}") from error
    except (ValueError, datasets.exceptions.DatasetGenerationError) as error:
        reason = error.__cause__ or error
        remedy = ": save the file as text in UTF-8" * isinstance(reason, UnicodeError)
        said = "it holds no examples" if "corresponds to no data" in str(reason) else reason
        raise ValueError(f"data {place!r} can't be read: {said}{remedy}") from error


@contextmanager
def _bars(shown: bool) -> Iterator[None]:
    """Progress bars for downloads alone: what lies on this machine is read in a second."""
    import datasets

    if shown or datasets.utils.are_progress_bars_disabled():
        yield
        return
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        datasets.enable_progress_bars()


def _label(spec: DataSpec, kinds: Mapping[str, Any]) -> str:
    """The name of the column that holds the labels."""
    if spec.target is not None and spec.target not in kinds:
        raise ValueError(nearest(f"column of {spec.path or spec.name!r}", spec.target, kinds))
    found = spec.target or next((column for column in LABELS if column in kinds), None)
    if found is None:
        whose = spec.path or spec.name
        raise ValueError(
            f"{whose!r} has columns {', '.join(kinds)}, none of them a label: name its column, as "
            f"in {Path(whose).name}:{list(kinds)[-1]}; images need a folder for each class"
        )
    if len(kinds) == 1:
        raise ValueError(
            f"{spec.path or spec.name!r} has one column, {found!r}: need inputs and a label; "
            "commas part the columns of a .csv, tabs those of a .tsv"
        )
    return found


def _test(parts: Any, label: str) -> list[Any]:
    """The part to test on, as a list of at most one: the first whose labels are not withheld."""
    for name in ("test", "validation"):
        if name in parts and label in parts[name].features:
            first = parts[name][0][label]
            if not isinstance(first, int) or first >= 0:
                return [parts[name]]
    return []


def _classes(parts: list[Any], column: str) -> tuple[Tensor, int]:
    """All labels as classes from 0, in the order of their values, and how many there are."""
    values = [value for part in parts for value in part[column][:]]
    if missing := sum(value is None or value != value for value in values):
        raise ValueError(f"{missing} labels in {column!r} are missing: leave those rows out")
    if known := getattr(parts[0].features[column], "num_classes", None):
        return torch.tensor(values, dtype=torch.long), known
    if any(isinstance(value, float) and not value.is_integer() for value in values):
        raise ValueError(
            f"the labels in {column!r} are numbers such as {values[0]:g}, need classes: put "
            "them in bins, or write a task file with a loss of its own"
        )
    names = sorted(set(values))
    if len(names) < 2:
        raise ValueError(f"the labels in {column!r} are all {names[0]!r}: need two classes or more")
    place = {name: i for i, name in enumerate(names)}
    return torch.tensor([place[value] for value in values], dtype=torch.long), len(names)


def _texts(texts: list[str], labels: Tensor, classes: int, size: int, length: int) -> Pool:
    """The first `length` bytes of each text in UTF-8, zeros before shorter ones."""
    kept = bytearray().join(each.encode()[:length].rjust(length, b"\0") for each in texts)
    tokens = torch.frombuffer(kept, dtype=torch.uint8).view(-1, length)
    return Pool(labels, tokens.__getitem__, classes, lambda: rows(tokens), size, vocabulary=256)


def _pictures(joined: Any, column: str, labels: Tensor, classes: int, size: int) -> Pool:
    grey = joined[0][column].mode == "L"

    def decode(index: Tensor) -> Tensor:
        return decoded(joined.select(index.tolist())[column][:], grey)

    images = Decoded(decode, len(joined))
    return Pool(labels, images, classes, lambda: _encoded(joined, column), size, per_channel)


def _encoded(joined: Any, column: str) -> Iterable[bytes]:
    """The images' files, undecoded: inside the data, or beside them."""
    import datasets

    for row in joined.cast_column(column, datasets.Image(decode=False))[column]:
        yield row["bytes"] or Path(row["path"]).read_bytes()


def decoded(pictures: list[Any], grey: bool) -> Tensor:
    """Pictures of one size as uint8 (n, channels, height, width): one channel if grey, or three.

    Raises:
        ValueError: pictures of several sizes.
    """
    sizes = sorted({picture.size for picture in pictures})
    if len(sizes) > 1:
        raise sizes_differ(sizes[0], sizes[-1])
    arrays = [np.asarray(picture.convert("L" if grey else "RGB")) for picture in pictures]
    stacked = torch.from_numpy(np.stack(arrays))
    stacked = stacked.unsqueeze(-1) if grey else stacked
    return stacked.permute(0, 3, 1, 2).contiguous()
