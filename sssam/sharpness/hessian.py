"""Curvature of the loss at a solution: the outer eigenvalues of its Hessian, and its trace."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev
from typing import Any, get_args

import torch
from torch import Tensor, nn

from sssam.core.checks import count, number
from sssam.core.vectors import Vector, dot
from sssam.roles.noise import check_seed, normal
from sssam.sharpness.arguments import Criterion
from sssam.sharpness.geometry import Geometry
from sssam.sharpness.lanczos import MatVec, Which, outer
from sssam.sharpness.objective import Mode, Objective

_TOLERANCE = {torch.float64: 1e-8, torch.float32: 1e-4}


@dataclass(frozen=True)
class Eigenvalues:
    """Outer eigenvalues of the Hessian, in units of loss per squared unit of weight.

    Attributes:
        values: the outermost first. For the adaptive Hessian T H T in units of loss, per squared
            relative change of the weights.
        residuals: ||H v - value v|| for each, in the same units: an eigenvalue of H lies within
            that distance of the value, as far as products are exact.
        vectors: a unit vector for each, as a tensor for each parameter (in u, where adaptive).
        products: Hessian-vector products that were spent.
    """

    values: tuple[float, ...]
    residuals: tuple[float, ...]
    vectors: tuple[tuple[Tensor, ...], ...] = field(repr=False, compare=False)
    products: int


@dataclass(frozen=True)
class Trace:
    """The trace of the Hessian, as a mean over random probes.

    Attributes:
        value: the estimate, in units of loss per squared unit of weight.
        error: its standard error, the probes' spread / sqrt(samples); in the same units.
        samples: how many probes, each one Hessian-vector product.
    """

    value: float
    error: float
    samples: int


class Hessian:
    """The Hessian H of the mean loss over batches, as an operator: it is never formed.

    H v is the derivative of <gradient of L, v>, a backward pass through a backward pass, batch by
    batch, so memory is that of one batch. Buffers, gradients, training flags and random generators
    are left as found, and no weight is moved.

    >>> model = torch.nn.Linear(1, 1, bias=False).double()
    >>> batches = [(torch.tensor([[1.0], [3.0]]).double(), torch.zeros(2, 1).double())]
    >>> hessian = Hessian(model, torch.nn.functional.mse_loss, batches)
    >>> hessian.top_eigenvalues(1).values  # the second derivative of (w^2 + 9 w^2) / 2
    (10.0,)

    Args:
        model: called as `model(inputs)`, with weights in float32 or float64.
        loss: `loss(outputs, targets)`: a mean over the batch, or one loss a sample.
        batches: gives (inputs, targets) on the model's device and is walked again for each product:
            a list or a DataLoader. Batches are weighted by their samples.
        params: those of the model's parameters that H is over; default all that need gradients.
        mode: "eval" for the function that is deployed; "train" for the one that is trained, with
            batch norm over each batch (whose sizes and members then matter) and dropout.
        adaptive: T H T with T = |w| + eta, as ASAM measures distance (Kwon et al., arXiv
            2102.11600): it does not change when a layer is scaled up and the next scaled down.
        eta: ASAM's, at least 0.

    Raises:
        TypeError: half precision or complex weights (the text names the remedy), an iterator as
            `batches`, batches or losses of another form.
        ValueError: no parameters, or foreign ones; an unknown mode; eta below 0.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Criterion,
        batches: Iterable[Any],
        params: Iterable[Tensor] | None = None,
        *,
        mode: Mode = "eval",
        adaptive: bool = False,
        eta: float = 0.01,
    ) -> None:
        self._objective = Objective(model, loss, batches, params, mode=mode)
        self._adaptive, self._eta = adaptive, number("eta", eta, 0.0, math.inf)

    @property
    def params(self) -> tuple[Tensor, ...]:
        """The parameters that H is over, in their order."""
        return tuple(self._objective.params)

    @property
    def size(self) -> int:
        """How many numbers they are."""
        return sum(p.numel() for p in self._objective.params)

    def product(self, v: Sequence[Tensor]) -> list[Tensor]:
        """H v, or T H T v where adaptive.

        Args:
            v: a tensor of each parameter's shape.

        Raises:
            ValueError: other shapes.
            FloatingPointError: the product is not finite.
        """
        shapes = [tuple(part.shape) for part in v]
        if shapes != (expected := [tuple(p.shape) for p in self.params]):
            raise ValueError(f"v must have the parameters' shapes {expected}, not {shapes}")
        parts = zip(v, self.params, strict=True)
        return list(self._product(dict(enumerate(part.to(p) for part, p in parts))).values())

    def top_eigenvalues(
        self,
        k: int = 1,
        *,
        which: Which = "LA",
        tol: float | None = None,
        restarts: int = 300,
        seed: int = 0,
    ) -> Eigenvalues:
        """The k largest eigenvalues, by Lanczos iteration on Hessian-vector products.

        The iteration keeps max(2 k + 1, 20) float64 vectors of all parameters on the host.

        Args:
            k: how many, from 1 to `size`.
            which: "LA" for the largest, "SA" the smallest (most negative), "LM" those of largest
                magnitude.
            tol: relative accuracy at which it stops, at least 0. Default 1e-8 in float64 and 1e-4
                in float32, whose products have no more than about six digits.
            restarts: at most so many, at least 1.
            seed: of the start vector.

        Raises:
            ImportError: scipy is missing; it is in the extra `lab`.
            RuntimeError: no convergence within `restarts`.
            ValueError: an argument out of range.
            FloatingPointError: a product is not finite.
        """
        if count("k", k, 1) > self.size:
            raise ValueError(f"k must be at most {self.size}, the number of weights, not {k}")
        if which not in get_args(Which):
            raise ValueError(f"which must be one of {', '.join(get_args(Which))}, not {which!r}")
        loosest = max(_TOLERANCE[p.dtype] for p in self.params)
        tol = loosest if tol is None else number("tol", tol, 0.0, 1.0)
        restarts, spent = count("restarts", restarts, 1), _Counted(self._flat_product)
        values, vectors = outer(
            spent, self.size, k, which=which, tol=tol, restarts=restarts, seed=check_seed(seed)
        )
        residuals = [
            (spent(v) - x * v).norm().item() for x, v in zip(values, vectors.T, strict=True)
        ]
        return Eigenvalues(
            values=tuple(values.tolist()),
            residuals=tuple(residuals),
            vectors=tuple(tuple(self._parts(v).values()) for v in vectors.T),
            products=spent.calls,
        )

    def trace(self, samples: int = 100, *, seed: int = 0) -> Trace:
        """tr H as the mean of <z, H z> over random signs z (Hutchinson's estimator).

        Its variance is twice the sum of the squared entries of H off the diagonal, over `samples`.
        From "A stochastic estimator of the trace of the influence matrix for Laplacian smoothing
        splines", Hutchinson, 1990.

        Args:
            samples: how many z, at least 2; the error falls with its root.
            seed: of the signs, which are a pure function of (seed, sample).

        Raises:
            ValueError: samples below 2, or a seed out of range.
            FloatingPointError: a product is not finite.
        """
        remedy = "one sample has no standard error"
        check_seed(seed)
        draws = [self._probe(seed, i) for i in range(count("samples", samples, 2, remedy=remedy))]
        return Trace(fmean(draws), stdev(draws) / math.sqrt(samples), samples)

    def _probe(self, seed: int, index: int) -> float:
        noise = normal(seed, index, self._objective.params)
        z = {i: torch.copysign(torch.ones_like(part), part) for i, part in enumerate(noise)}
        return dot(z, self._product(z)).item()

    def _product(self, v: Vector) -> Vector:
        geometry = Geometry.at(self.params, self._adaptive, self._eta)
        product = geometry.stretched(self._objective.product(geometry.stretched(v)))
        if not all(bool(part.isfinite().all()) for part in product.values()):
            raise FloatingPointError(
                "a Hessian-vector product is not finite: the loss has no curvature at these weights"
            )
        return product

    def _flat_product(self, v: Tensor) -> Tensor:
        parts = self._product(self._parts(v)).values()
        return torch.cat([part.reshape(-1).to("cpu", torch.float64) for part in parts])

    def _parts(self, v: Tensor) -> Vector:
        pieces = torch.split(v, [p.numel() for p in self.params])
        return {
            i: piece.reshape(p.shape).to(p.device, p.dtype)
            for i, (piece, p) in enumerate(zip(pieces, self.params, strict=True))
        }


class _Counted:
    """A product, with the number of times that it was taken."""

    def __init__(self, product: MatVec) -> None:
        self._product, self.calls = product, 0

    def __call__(self, v: Tensor) -> Tensor:
        self.calls += 1
        return self._product(v)
