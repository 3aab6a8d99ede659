"""Outer eigenvalues of a symmetric operator, by scipy's Lanczos iteration (ARPACK)."""

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from sssam.roles.noise import normal

#: Largest, smallest, largest in magnitude; scipy's names.
Which = Literal["LA", "SA", "LM"]
MatVec = Callable[[Tensor], Tensor]


def outer(
    product: MatVec, n: int, k: int, *, which: Which, tol: float, restarts: int, seed: int
) -> tuple[Tensor, Tensor]:
    """k outer eigenvalues of a symmetric n x n operator, and their vectors as columns.

    Args:
        product: H v for a float64 vector of n numbers on the CPU.
        which: "LA", "SA" or "LM"; the outermost comes first.
        tol: relative accuracy at which ARPACK stops.
        restarts: at most so many.
        seed: of the vector that it starts from.

    Raises:
        ImportError: scipy is not installed.
        RuntimeError: no convergence within `restarts`.
    """
    # ARPACK would build a basis of this size: where it spans the space, H itself costs no more.
    if n <= max(2 * k + 1, 20):
        values, vectors = torch.linalg.eigh(_whole(product, n))
    else:
        values, vectors = _arpack(product, n, k, which, tol, restarts, seed)
    order = _order(values, which)[:k]
    return values[order], vectors[:, order]


def _order(values: Tensor, which: Which) -> Tensor:
    return torch.argsort(values.abs() if which == "LM" else values, descending=which != "SA")


def _whole(product: MatVec, n: int) -> Tensor:
    columns = torch.stack([product(row) for row in torch.eye(n, dtype=torch.float64)])
    return (columns + columns.T) / 2


def _arpack(
    product: MatVec, n: int, k: int, which: Which, tol: float, restarts: int, seed: int
) -> tuple[Tensor, Tensor]:
    linalg = _scipy()
    (start,) = normal(seed, 0, [torch.empty(n, dtype=torch.float64)])
    if not product(start).any():  # ARPACK takes a zero operator for a bad start
        return torch.zeros(k, dtype=torch.float64), torch.eye(n, k, dtype=torch.float64)
    operator = linalg.LinearOperator(
        (n, n), matvec=lambda v: product(torch.tensor(v).reshape(-1)).numpy(), dtype="float64"
    )
    try:
        values, vectors = linalg.eigsh(
            operator, k, which=which, tol=tol, maxiter=restarts, v0=start.numpy()
        )
    except linalg.ArpackNoConvergence as error:
        raise RuntimeError(
            f"{len(error.eigenvalues)} of {k} eigenvalues converged to tol={tol:g} within "
            f"{restarts} restarts; ask for fewer, a larger tol, or more restarts"
        ) from error
    return torch.tensor(values), torch.tensor(vectors)


def _scipy() -> Any:
    try:
        import scipy.sparse.linalg
    except ImportError as error:
        raise ImportError(
            "top_eigenvalues() needs scipy, which comes with the extra `lab`: "
            "pip install 'sssam[lab]'"
        ) from error
    return scipy.sparse.linalg
