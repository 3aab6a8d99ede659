"""Vectors with missing parts: sums, products and norms, in half precision too."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sssam.core import vectors


@pytest.mark.parametrize("small", [1e-4, 300.0])
def test_half_precision_products_neither_vanish_nor_overflow(small: float) -> None:
    x = {0: torch.full((1000,), small, dtype=torch.float16)}
    expected = 1000 * x[0][0].double().item() ** 2
    assert vectors.dot(x, x).item() == pytest.approx(expected, rel=1e-4)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=6))
def test_vectors_behave_as_vectors(present: list[tuple[bool, bool]]) -> None:
    """Sums, products and norms of vectors with missing parts: those with zeros in their place."""
    shape = (3,)
    x = {i: torch.randn(shape, dtype=torch.float64) for i, (a, _) in enumerate(present) if a}
    y = {i: torch.randn(shape, dtype=torch.float64) for i, (_, b) in enumerate(present) if b}

    def full(v: vectors.Vector) -> torch.Tensor:
        zero = torch.zeros(shape, dtype=torch.float64)
        return torch.cat([v.get(i, zero) for i in range(len(present))])

    close: Callable[..., None] = torch.testing.assert_close
    close(full(vectors.add(x, y)), full(x) + full(y))
    close(vectors.dot(x, y).double(), full(x) @ full(y))
    close(vectors.norm(x).double(), full(x).norm())
    close(full(vectors.scale(x, 2.5)), 2.5 * full(x))
    assert vectors.norm(vectors.unit(x)).item() == pytest.approx(1.0 if x else 0.0)
