"""All examples of a data set before they are split, and a table's columns as numbers."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

#: Categories of a table's column; rarer ones share a feature.
MOST_CATEGORIES = 64


@dataclass(frozen=True, eq=False)
class ExamplePool:
    """All examples; the last `test_size` of them are the data's own test set (0: none).

    `labels` are whole numbers of shape (n,), of `classes` different ones. `inputs` gives, for an
    index, float32 images in [0, 1] of shape (n, channels, height, width), or float32 features (n,
    features); `stored` their bytes as they are kept, for a fingerprint. `scaled` makes of the
    inputs of the training set and of other sets scaled ones, by the former; it may scale in place.
    """

    labels: Tensor
    inputs: Callable[[Tensor], Tensor]
    classes: int
    stored: Callable[[], Iterable[bytes]]
    test_size: int = 0
    scaled: Callable[[list[Tensor]], list[Tensor]] = lambda parts: parts

    @cached_property
    def content(self) -> str:
        """The first 16 digits of the SHA-256 of all labels and inputs, as hexadecimal text."""
        digest = hashlib.sha256(self.labels.numpy().tobytes())
        for kept in self.stored():
            digest.update(kept)
        return digest.hexdigest()[:16]


def per_channel(parts: list[Tensor]) -> list[Tensor]:
    """Images scaled in place, by each channel's mean and spread over the first part."""
    mean, spread = parts[0].mean((0, 2, 3), keepdim=True), parts[0].std((0, 2, 3), keepdim=True)
    return [part.sub_(mean).div_(spread.clamp_min(1e-6)) for part in parts]


def per_column(numeric: int, parts: list[Tensor]) -> list[Tensor]:
    """Features whose first `numeric` columns are scaled; there a missing one becomes the mean."""
    known = parts[0][:, :numeric]
    mean = known.nanmean(0).nan_to_num()
    spread = (known - mean).square().nanmean(0).sqrt().nan_to_num()
    numbers = [((p[:, :numeric] - mean) / spread.clamp_min(1e-6)).nan_to_num(0.0) for p in parts]
    return [torch.cat([n, p[:, numeric:]], 1) for n, p in zip(numbers, parts, strict=True)]


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
