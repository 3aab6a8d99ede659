"""What Hugging Face `datasets` reads: the hub by name, Parquet files, a folder of images."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sssam.lab.specs import DataSpec
from sssam.lab.tasks.pools import Decoded, Pool, per_channel, rows, sizes_differ
from sssam.lab.tasks.text import padded

#: What the name of a data set on the hub begins with.
HUB = "hub:"
#: Columns that are taken for the labels, the first one that is there.
LABELS = ("label", "labels", "fine_label", "target", "class")
#: Columns of text that are taken for the inputs, where there are no images.
TEXTS = ("text", "sentence", "content", "review", "question")
#: How the names of archives end that may hold images.
_ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz"})
#: Length of a text example in bytes, where none is given.
LENGTH = 256


def parquet(spec: DataSpec) -> Pool:
    """A folder with `train*.parquet` and perhaps `test*.parquet`: inputs and labels."""
    folder = Path(spec.path or ".")
    files = {part: sorted(map(str, folder.glob(f"{part}*.parquet"))) for part in ("train", "test")}
    if not files["train"]:
        raise FileNotFoundError(
            f"data path {spec.path!r} has no train*.parquet: give the folder with those files"
        )
    named = {part: found for part, found in files.items() if found}
    return through_datasets("parquet", spec.target, spec.length, data_files=named)


def imagefolder(spec: DataSpec) -> Pool:
    """A folder per class, or `train/` and `test/` with a folder per class in each.

    Raises:
        ValueError: no image is in it, nor an archive that may hold some; or all lie in one folder.
    """
    folder, endings = Path(spec.path or "."), _pictured()
    found = [each for each in folder.rglob("*") if each.suffix.lower() in endings]
    if not found:
        raise ValueError(
            f"folder {spec.path!r} holds no image: give one with a folder of images for each "
            "class, with train*.parquet, or the directory of a study"
        )
    labelled = [*folder.rglob("metadata.*"), *(f for f in found if f.suffix.lower() in _ARCHIVES)]
    if len({each.parent for each in found}) == 1 and not labelled:
        raise ValueError(
            f"folder {spec.path!r} holds all its images in one folder: put those of each class "
            "into one of its own, whose name is the class's"
        )
    return through_datasets("imagefolder", data_dir=spec.path)


def _pictured() -> set[str]:
    """How the names of images end, and of archives, which `datasets` looks into."""
    from datasets.packaged_modules.imagefolder.imagefolder import ImageFolder

    return {*ImageFolder.EXTENSIONS, *_ARCHIVES}


def cifar10(spec: DataSpec) -> Pool:
    """50,000 and 10,000 images of 32 x 32 RGB: a folder of Parquet files, or through the hub."""
    return through_datasets("uoft-cs/cifar10") if spec.path is None else parquet(spec)


def cifar100(spec: DataSpec) -> Pool:
    """The same in 100 classes, or in 20 with the target "coarse_label"."""
    if spec.path is None:
        return through_datasets("uoft-cs/cifar100", spec.target)
    return parquet(spec)


def named(spec: DataSpec) -> Pool:
    """`hub:ORGANISATION/NAME`, or `hub:ORGANISATION/NAME/CONFIGURATION`."""
    organisation, *rest = spec.name.removeprefix(HUB).split("/")
    name = "/".join([organisation, *rest[:1]])
    further = {"name": rest[1]} if len(rest) > 1 else {}
    return through_datasets(name, spec.target, spec.length, **further)


def through_datasets(
    name: str, target: str | None = None, length: int | None = None, /, **where: Any
) -> Pool:
    """A data set that Hugging Face `datasets` reads: its train part, and its labelled test part.

    Where the test part is missing or its labels are withheld, the validation part is the test set.

    Raises:
        ValueError: no column of images or text, or none of labels; text labels without a class; or
            files that are torn.
        ConnectionError: the hub can't be reached.
    """
    import datasets

    if where or not sys.stderr.isatty():  # what lies on this machine is read in a second
        datasets.disable_progress_bars()
    parts = _loaded(name, where)
    if "train" not in parts:
        raise ValueError(f"data {name!r} has the parts {sorted(parts)}: need 'train'")
    inputs, label = _columns(parts["train"].features, target)
    chosen = [parts["train"], *_test(parts, label)]
    labels, classes = _labels(chosen, label)
    joined = datasets.concatenate_datasets([each.select_columns([inputs]) for each in chosen])
    test_size = len(chosen[1]) if len(chosen) > 1 else 0
    if isinstance(joined.features[inputs], datasets.Image):
        return _pictures(joined, inputs, labels, classes, test_size)
    tokens = padded(joined[inputs][:], LENGTH if length is None else length)
    return Pool(
        labels, tokens.__getitem__, classes, lambda: rows(tokens), test_size, vocabulary=256
    )


def _loaded(name: str, where: Mapping[str, Any]) -> Any:
    """The parts of a data set by name; what is wrong with them names the place."""
    import datasets

    try:
        return datasets.load_dataset(name, **where)
    except ConnectionError as error:
        remedy = "go on when it can be reached, or name a folder with a copy of the data"
        raise ConnectionError(f"{error}: {remedy}") from error
    except (ValueError, datasets.exceptions.DatasetGenerationError) as error:
        files = where.get("data_files")
        place = str(Path(files["train"][0]).parent) if files else where.get("data_dir", name)
        raise ValueError(f"data {place!r} can't be read: {error.__cause__ or error}") from error


def _pictures(joined: Any, column: str, labels: Tensor, classes: int, test_size: int) -> Pool:
    grey = joined[0][column].mode == "L"

    def decode(index: Tensor) -> Tensor:
        return decoded(joined.select(index.tolist())[column][:], grey)

    images = Decoded(decode, len(joined))
    return Pool(labels, images, classes, lambda: _encoded(joined, column), test_size, per_channel)


def _encoded(joined: Any, column: str) -> Iterable[bytes]:
    """The images' files, undecoded: inside the data, or beside them."""
    import datasets

    for row in joined.cast_column(column, datasets.Image(decode=False))[column]:
        yield row["bytes"] or Path(row["path"]).read_bytes()


def _columns(features: Any, target: str | None) -> tuple[str, str]:
    """The names of the columns that hold the inputs and the labels."""
    import datasets

    images = [name for name, kind in features.items() if isinstance(kind, datasets.Image)]
    texts = [name for name in TEXTS if name in features and name != target]
    inputs = next(iter([*images, *texts]), None)
    label = next((c for c in LABELS if c in features), None) if target is None else target
    if inputs is None or label is None or label not in features:
        wanted = "a label (name its column as the target)" if target is None else repr(target)
        raise ValueError(
            f"the data have columns {sorted(features)}: need one of images or one of text "
            f"({', '.join(map(repr, TEXTS))}), and {wanted}"
        )
    return inputs, label


def _test(parts: Any, label: str) -> list[Any]:
    """The part to test on, as a list of at most one: the first whose labels are not withheld."""
    for name in ("test", "validation"):
        if name in parts and label in parts[name].features:
            first = parts[name][0][label]
            if not isinstance(first, int) or first >= 0:
                return [parts[name]]
    return []


def _labels(parts: list[Any], column: str) -> tuple[Tensor, int]:
    """All labels as classes from 0, and how many classes there are."""
    values = [value for part in parts for value in part[column][:]]
    known = getattr(parts[0].features[column], "num_classes", None)
    if missing := values.count(None):
        raise ValueError(f"{missing} labels in {column!r} are missing: leave those rows out")
    if isinstance(values[0], int) and min(values) >= 0:
        return torch.tensor(values, dtype=torch.long), known or max(values) + 1
    if isinstance(values[0], float):
        raise ValueError(f"the labels in {column!r} are {values[0]!r}, ...: need classes")
    names = sorted(set(values))
    place = {name: i for i, name in enumerate(names)}
    return torch.tensor([place[value] for value in values], dtype=torch.long), len(names)


def decoded(pictures: list[Any], grey: bool) -> Tensor:
    """Pictures of one size as uint8; grey ones have one channel, others three.

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
