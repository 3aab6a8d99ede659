"""A table's columns as numbers: numbers as they are, categories one-hot."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

#: Categories of a column; rarer ones share a column.
MOST_CATEGORIES = 64


def features(table: Any) -> tuple[Tensor, int]:
    """Float32 features of a `datasets.Dataset`, numbers first, and how many numbers there are.

    Columns of text are one-hot over all categories, "missing" among them, the rarest together
    beyond 64. A missing number is NaN.

    Raises:
        ValueError: columns of dates, of lists or of texts that are no categories; infinite numbers.
    """
    from sklearn.preprocessing import OneHotEncoder

    frame = table.to_pandas()
    numbers = frame.select_dtypes(include=["number", "bool"])
    categories = frame.drop(columns=list(numbers.columns))
    for name in categories:
        kind = str(getattr(table.features[name], "dtype", "list"))
        is_text = kind in ("string", "large_string", "null")
        if not is_text or frame[name].nunique() > max(MOST_CATEGORIES, len(frame) / 2):
            what = "too many different texts" if is_text else f"values of type {kind}"
            raise ValueError(
                f"column {name!r} holds {what}, must hold numbers or categories: leave it out, or "
                "write a task file"
            )
    values = numbers.to_numpy(dtype=np.float32, na_value=np.nan)
    for name in numbers.columns[np.isinf(values).any(0)]:
        raise ValueError(f"column {name!r} holds infinite numbers: leave those cells empty")
    if len(categories.columns):
        encoder = OneHotEncoder(max_categories=MOST_CATEGORIES, sparse_output=False)
        named = categories.astype(object).where(categories.notna(), "missing").astype(str)
        encoded = encoder.fit_transform(named.to_numpy(dtype=object))
        values = np.concatenate([values, encoded], 1, dtype=np.float32)
    return torch.tensor(values), len(numbers.columns)
