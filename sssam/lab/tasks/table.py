"""A table in a CSV or Parquet file: numbers scaled, categories one-hot, one column the target."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from sssam.lab.specs import DataSpec
from sssam.lab.specs.names import nearest
from sssam.lab.tasks.pools import Pool, per_column, rows

#: Columns that are taken for the target where none is named.
TARGETS = ("target", "label", "class", "y")
#: Categories of a column; rarer ones share a column.
MOST_CATEGORIES = 64


def table(spec: DataSpec) -> Pool:
    """Numbers are standardised by the training rows, where a missing one becomes their mean.

    Columns of text are one-hot over the whole table's categories, "missing" among them, the rarest
    together beyond 64. The target's values are the classes, in sorted order.

    Raises:
        ValueError: no table, no target, features or rows, rows without a target, a target that is
            no class or always the same, columns of dates, or infinite numbers.
    """
    path = Path(str(spec.path))
    frame = _frame(path)
    frame.columns = frame.columns.map(str)
    target = _target(frame, spec)
    names, labels = np.unique(np.asarray(_classes(frame[target], target)), return_inverse=True)
    if len(names) < 2:
        has = f"has {names[0]} in every row" if len(names) else "has no rows"
        raise ValueError(f"the target {target!r} of {str(path)!r} {has}: need two classes or more")
    features, numeric = _features(frame.drop(columns=target))
    inputs = torch.from_numpy(features)
    return Pool(
        torch.from_numpy(labels.astype(np.int64)),
        inputs.__getitem__,
        len(names),
        lambda: rows(inputs),
        scaled=per_column(numeric),
    )


def _frame(path: Path) -> Any:
    import pandas

    if path.suffix not in (".csv", ".tsv", ".parquet"):
        raise ValueError(f"data path {str(path)!r} is no table: give a .csv, .tsv or .parquet file")
    try:
        if path.suffix == ".parquet":
            return pandas.read_parquet(path)
        return pandas.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",")
    except UnicodeError as error:
        told = f"data path {str(path)!r} is no UTF-8 ({error}): save the file as text in UTF-8"
        raise ValueError(told) from error
    except ValueError as error:  # pandas' and pyarrow's own errors are such
        raise ValueError(f"data path {str(path)!r} is no table: {error}") from error


def _target(frame: Any, spec: DataSpec) -> str:
    columns = list(frame.columns)
    if spec.target is not None and spec.target not in columns:
        raise ValueError(nearest(f"column of {spec.path!r}", spec.target, columns))
    found = next((c for c in TARGETS if c in columns), None) if spec.target is None else spec.target
    if found is None and len(columns) == 1:
        raise ValueError(
            f"the table {spec.path!r} has one column, {columns[0]!r}: need features and a target; "
            "commas part the columns of a .csv, tabs those of a .tsv"
        )
    if found is None:
        raise ValueError(
            f"the table {spec.path!r} has columns {', '.join(columns)}: name the one of the "
            f"classes as the target, as in {Path(str(spec.path)).name}:{columns[-1]}"
        )
    return found


def _classes(column: Any, target: str) -> Any:
    missing = int(column.isna().sum())
    if missing:
        raise ValueError(f"{missing} rows have no target {target!r}: leave them out of the table")
    if column.dtype.kind == "f" and not bool((column == column.round()).all()):
        raise ValueError(
            f"the target {target!r} holds numbers such as {column.iloc[0]:g}, need classes: put "
            "them in bins, or write a task file with a loss of its own"
        )
    return column if column.dtype.kind in "iufb" else column.astype(str)


def _features(frame: Any) -> tuple[np.ndarray[Any, Any], int]:
    """Float32 features, numbers first, and how many numbers there are."""
    from sklearn.preprocessing import OneHotEncoder

    dates = list(frame.select_dtypes(include=["datetime", "datetimetz"]).columns)
    if dates or not len(frame.columns):
        what = f"column {dates[0]!r} holds dates" if dates else "the table has no features"
        raise ValueError(f"{what}: give columns of numbers or categories")
    numbers = frame.select_dtypes(include=["number", "bool"])
    categories = frame.drop(columns=list(numbers.columns))
    parts = [numbers.to_numpy(dtype=np.float32, na_value=np.nan)]
    infinite = np.isinf(parts[0]).any(0)
    if infinite.any():
        name = numbers.columns[infinite][0]
        raise ValueError(f"column {name!r} holds infinite numbers: leave those cells empty")
    if len(categories.columns):
        encoder = OneHotEncoder(
            max_categories=MOST_CATEGORIES, sparse_output=False, dtype=np.float32
        )
        named = categories.astype(object).where(categories.notna(), "missing").astype(str)
        parts.append(encoder.fit_transform(named.to_numpy(dtype=object)))
    return np.concatenate(parts, 1), len(numbers.columns)
