"""Tables and images from files and the hub, through Hugging Face's `datasets.load_dataset`."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sssam.lab.specs.invalid import nearest
from sssam.lab.tasks.examples import ProblemError
from sssam.lab.tasks.pools import ExamplePool, features, per_channel, per_column

#: Columns that are taken for the labels, the first one that is there.
LABELS = ("label", "labels", "fine_label", "target", "class", "y")


def hub(name: str, target: str | None = None) -> ExamplePool:
    """A data set of the Hugging Face hub, by its name and perhaps `/CONFIGURATION`."""
    organisation, _, rest = name.partition("/")
    named, _, configuration = rest.partition("/")
    place = f"{organisation}/{named}" if named else organisation
    return _read(name, target, place, name=configuration or None)


def local(path: str, target: str | None = None) -> ExamplePool:
    """A folder of images, one folder a class, or of tables; or a .csv, .tsv or .parquet file."""
    if Path(path).is_dir():
        return _read(path, target, path)
    if Path(path).suffix == ".parquet":
        return _read(path, target, "parquet", data_files=path)
    separator = "\t" if Path(path).suffix == ".tsv" else ","
    # Read whole, since types are guessed anew in each chunk.
    return _read(path, target, "csv", data_files=path, sep=separator, chunksize=None)


def _read(place: str, target: str | None, builder: str, **where: Any) -> ExamplePool:
    """Images, or a table's features, each with its class.

    Inputs are a column of images; or all columns but the label's, numbers and categories. The test
    part is the test set; where it is missing or its labels are withheld, the validation part is.

    Raises:
        ValueError: files that can't be read; no column of labels, or none of inputs; labels that
            are missing, no classes, or always the same.
        ConnectionError: the hub can't be reached.
    """
    import datasets

    parts = _loaded(place, builder, where)
    kinds = parts["train"].features
    label = _label(place, target, kinds)
    chosen = [parts["train"], *_test(parts, label)]
    labels, classes = _classes(chosen, label)
    inputs = [each for each in kinds if each != label]
    joined = datasets.concatenate_datasets([each.select_columns(inputs) for each in chosen])
    pool = partial(ExamplePool, labels, classes=classes, test_size=sum(map(len, chosen[1:])))
    image = next((each for each in inputs if isinstance(kinds[each], datasets.Image)), None)
    if image is not None:
        pictures = joined.select_columns(image)
        stored = partial(_encoded, pictures, image)
        return pool(_decoding(pictures, image), stored=stored, scaled=per_channel)
    values, numbers = features(joined)
    scaled = partial(per_column, numbers)
    return pool(values.__getitem__, stored=lambda: [values.numpy().tobytes()], scaled=scaled)


def _loaded(place: str, builder: str, where: Mapping[str, Any]) -> Any:
    """The parts of a data set; what is wrong with them names the place."""
    import datasets

    datasets.disable_progress_bars()  # the hub's downloads have their own
    try:
        parts = datasets.load_dataset(builder, **where)
    except ConnectionError as error:
        remedy = "go on when it can be reached, or name a folder with a copy of the data"
        raise ConnectionError(f"{error}: {remedy}") from error
    except (ValueError, FileNotFoundError, datasets.exceptions.DatasetGenerationError) as error:
        reason = error.__cause__ or error
        encoding = ": save the file as text in UTF-8" * isinstance(reason, UnicodeError)
        raise ValueError(f"data {place!r} can't be read: {reason}{encoding}") from error
    if "train" not in parts:
        raise ValueError(f"data {place!r} has the parts {sorted(parts)}: need 'train'")
    return parts


def _label(place: str, target: str | None, kinds: Mapping[str, Any]) -> str:
    """The name of the column that holds the labels."""
    if target is not None and target not in kinds:
        raise ValueError(nearest(f"column of {place!r}", target, kinds))
    column = target or next((name for name in LABELS if name in kinds), None)
    if column is None:
        raise ValueError(
            f"{place!r} has columns {', '.join(kinds)}, none of them a label: name its column, as "
            f"in {Path(place).name}:{list(kinds)[-1]}; images need a folder for each class"
        )
    if len(kinds) == 1:
        raise ValueError(f"{place!r} has one column, {column!r}: need inputs and a label")
    return column


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
    number = {name: i for i, name in enumerate(names)}
    return torch.tensor([number[value] for value in values], dtype=torch.long), len(names)


def _decoding(pictures: Any, column: str) -> Callable[[Tensor], Tensor]:
    """From an index to float32 images in [0, 1]; each is decoded once, and kept as bytes."""
    mode = "L" if pictures[0][column].mode == "L" else "RGB"

    @cache
    def decoded(i: int) -> Tensor:
        pixels = np.array(pictures[i][column].convert(mode))
        return torch.from_numpy(pixels).view(*pixels.shape[:2], -1).permute(2, 0, 1)

    def inputs(index: Tensor) -> Tensor:
        images = [decoded(i) for i in index.tolist()]
        sizes = sorted({tuple(each.shape[:0:-1]) for each in images})
        if len(sizes) > 1:
            raise ProblemError(
                f"images of several sizes, such as {sizes[0]} and {sizes[-1]}: resize them to one "
                "size first"
            )
        return torch.stack(images).float().div_(255.0)

    return inputs


def _encoded(pictures: Any, column: str) -> Iterator[bytes]:
    """The images' files, undecoded: inside the data, or beside them."""
    import datasets

    for row in pictures.cast_column(column, datasets.Image(decode=False))[column]:
        yield row["bytes"] or Path(row["path"]).read_bytes()
