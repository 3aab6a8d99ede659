"""Lists of tensors read as one vector: the norms, products and sums that the methods are made of.

A `Vector` maps the position of a parameter to its part of the vector; a parameter without a part
(no gradient reached it) is zero there. Sums run in float32 at least, on the device of the first
part, and nothing here makes the host wait for a device.
"""

import math
from collections.abc import Callable
from functools import partial
from itertools import compress, repeat
from operator import attrgetter, not_
from typing import Any

import torch
from torch import Tensor

from sssam.core.copies import SMALL

Vector = dict[int, Tensor]

_LOW = {torch.float16, torch.bfloat16}
_GREATEST_HALF = 65504.0
ORDINARY = {Tensor, torch.nn.Parameter}
_DTYPE, _LAYOUT, _IS_CPU = attrgetter("dtype"), attrgetter("layout"), attrgetter("is_cpu")


def dense(x: Vector) -> Vector:
    """The vector with sparse parts made dense; the very same object when none is sparse."""
    if {*map(_LAYOUT, x.values())} <= {torch.strided}:
        return x
    return {
        i: part.to_dense() if part.layout is not torch.strided else part for i, part in x.items()
    }


def _real(part: Tensor) -> Tensor:
    return torch.view_as_real(part) if part.is_complex() else part


def _parts(x: Vector) -> tuple[list[Tensor], set[torch.dtype]]:
    """The parts, as real numbers, and their types."""
    parts = [*x.values()]
    kinds = {*map(_DTYPE, parts)}
    if any(kind.is_complex for kind in kinds):
        parts = [*map(_real, parts)]
        kinds = {*map(_DTYPE, parts)}
    return parts, kinds


def on_host(parts: list[Tensor]) -> bool:
    """Whether all are ordinary tensors in the host's memory."""
    ordinary = {*map(type, parts)} <= ORDINARY and {*map(_LAYOUT, parts)} <= {torch.strided}
    return ordinary and all(map(_IS_CPU, parts))


def known(x: Tensor) -> Tensor | float:
    """The number where it lies in the host's memory, which is free to read; else the tensor."""
    return x.item() if x.is_cpu else x


def whole(x: Tensor) -> Tensor:
    """A tensor that is spread over ranks (a DTensor), reduced and gathered; any other as it is."""
    return x.full_tensor() if hasattr(x, "full_tensor") else x


def local(x: Tensor) -> Tensor:
    """This rank's part of a DTensor, sharing its memory; any other tensor as it is."""
    return x.to_local() if hasattr(x, "to_local") else x


def spread(x: Tensor, like: Tensor) -> Tensor:
    """A tensor that each rank holds whole, cut as `like` is, if that is a DTensor; no message."""
    if not hasattr(like, "device_mesh"):
        return x
    from torch.distributed.tensor import distribute_tensor

    layout: Any = like
    return distribute_tensor(x, layout.device_mesh, layout.placements, src_data_rank=None)


def each(op: Callable[..., Any], parts: list[Tensor], *others: Any) -> list[Tensor]:
    """A `torch._foreach` function over lists of tensors, some of which may be DTensors.

    A model may have both kinds (parallel layers beside whole ones) and several meshes; one call of
    torch's may not.
    """
    if {*map(type, parts)} <= ORDINARY or len(groups := _by_mesh(parts)) == 1:
        return op(parts, *others) or parts
    done = list(parts)
    for which in groups:
        lists = [[x[i] for i in which] if isinstance(x, list) else x for x in (parts, *others)]
        for i, part in zip(which, op(*lists) or lists[0], strict=True):
            done[i] = part
    return done


def _by_mesh(parts: list[Tensor]) -> list[list[int]]:
    """The positions of the tensors that are spread over the same mesh, or over none."""
    if not any(hasattr(kind, "device_mesh") for kind in {*map(type, parts)}):
        return [[*range(len(parts))]]
    places: dict[Any, list[int]] = {}
    for i, part in enumerate(parts):
        places.setdefault(getattr(part, "device_mesh", None), []).append(i)
    return [*places.values()]


def _on_one_device(scalars: list[Tensor]) -> Tensor:
    device = scalars[0].device
    return torch.stack([scalar.to(device) for scalar in scalars])


def _over_ranks(scalars: list[Tensor], reduce: Callable[[Tensor], Tensor]) -> Tensor:
    """All scalars reduced to one, with one message for each mesh that some are spread over."""
    groups = [[scalars[i] for i in which] for which in _by_mesh(scalars)]
    one_each = [whole(reduce(_on_one_device(group))) for group in groups]
    return one_each[0] if len(one_each) == 1 else reduce(_on_one_device(one_each))


def norm(x: Vector) -> Tensor:
    """||x||_2 over all parts together, a scalar tensor; zero for an empty vector."""
    if not x:
        return torch.zeros(())
    parts, kinds = _parts(x)
    low = [part for part in parts if part.dtype in _LOW] if kinds & _LOW else []
    high = [part for part in parts if part.dtype not in _LOW] if low else parts
    norms = [*each(torch._foreach_norm, _together(high, kinds - _LOW))] if high else []
    if low:  # half precision overflows at a norm of 65,504: its squares are summed in float32
        op = partial(torch._foreach_norm, ord=2, dtype=torch.float32)
        norms += each(op, _together(low, kinds & _LOW))
    if len(norms) == 1 and type(norms[0]) is Tensor:
        return norms[0]
    return _over_ranks(norms, torch.linalg.vector_norm)


def _together(parts: list[Tensor], kinds: set[torch.dtype]) -> list[Tensor]:
    """The parts, of which the small ones on the host are put into few, if all are of one type."""
    is_small = [n < SMALL for n in map(Tensor.numel, parts)]
    small = [*compress(parts, is_small)]
    if len(small) < 2 or len(kinds) > 1 or not on_host(small):
        return parts
    return [*_joined(small), *compress(parts, map(not_, is_small))]


def _joined(parts: list[Tensor]) -> list[Tensor]:
    """Few tensors with all numbers; parts of one width need no view of each, which takes longer."""
    dims, joined = [*map(Tensor.dim, parts)], []
    for n in dict.fromkeys(dims):
        some = [*compress(parts, map(n.__eq__, dims))]
        is_even = n == 1 or (n == 2 and len({*map(Tensor.size, some, repeat(1))}) == 1)
        joined.append(torch.cat(some) if is_even else torch._C._nn.flatten_dense_tensors(some))
    return joined


def dot(x: Vector, y: Vector) -> Tensor:
    """The real inner product <x, y>, a scalar tensor; parts that only one has count as zero."""
    common = [i for i in x if i in y]
    if not common:
        return torch.zeros(())
    (xs, kinds), (ys, others) = (_parts({i: z[i] for i in common}) for z in (x, y))
    alike = kinds == others and len(kinds) == 1
    if alike and not kinds & _LOW and on_host(xs) and on_host(ys):
        pairs = zip(_together(xs, kinds), _together(ys, kinds), strict=True)
        products = [torch.dot(a.reshape(-1), b.reshape(-1)) for a, b in pairs]
    else:
        wide = each(torch._foreach_mul, [*map(_wide, xs)], ys)
        products = [part.sum() for part in wide]
    return _over_ranks(products, torch.sum)


def _wide(part: Tensor) -> Tensor:
    # Products of small numbers vanish in half precision, those of great ones overflow.
    return part.float() if part.dtype in _LOW else part


def scale(x: Vector, factor: Tensor | float) -> Vector:
    """factor * x, in new tensors; a factor that the host knows to be 0 leaves no part at all."""
    return _scaled(torch._foreach_mul, x, factor)


def scale_(x: Vector, factor: Tensor | float) -> Vector:
    """`scale` in the memory of x's parts."""
    if isinstance(factor, float) and factor == 1.0:
        return {**x}
    return _scaled(torch._foreach_mul_, x, factor)


def _scaled(op: Callable[..., Any], x: Vector, factor: Tensor | float) -> Vector:
    if not x or (isinstance(factor, float) and factor == 0.0):
        return {}
    parts = list(x.values())
    if not isinstance(factor, Tensor):
        done = each(op, parts, factor)
    elif len({part.device for part in parts}) == 1:
        done = each(op, parts, factor.to(parts[0].device))
    else:
        done = [each(op, [part], factor.to(part.device))[0] for part in parts]
    return dict(zip(x, done, strict=True))


def copied(x: Vector) -> Vector:
    """x in new tensors."""
    return {i: part.clone() for i, part in x.items()}


def either(which: Tensor | bool, x: Vector, y: Vector) -> Vector:
    """x if `which` is true, else y, over the parts of y: the host need not know which."""
    if isinstance(which, bool):
        return x if which else y
    return {
        i: torch.where(which.to(part.device), x.get(i, torch.zeros_like(part)), part)
        for i, part in y.items()
    }


def times(x: Vector, y: Vector, *, overwrite: bool = False) -> Vector:
    """x * y element by element, over the parts of x, all of which y has; perhaps in x's memory."""
    op = torch._foreach_mul_ if overwrite else torch._foreach_mul
    products = each(op, list(x.values()), [y[i] for i in x]) if x else []
    return dict(zip(x, products, strict=True))


def add(x: Vector, y: Vector, factor: Tensor | float = 1.0, *, overwrite: bool = False) -> Vector:
    """x + factor * y.

    A part that only x has is that part; one that only y has is a new tensor; a sum is in x's memory
    if that may be overwritten, else new.
    """
    factor = known(factor) if isinstance(factor, Tensor) else factor
    if isinstance(factor, Tensor):
        y, factor = scale(y, factor), 1.0
    if factor == 0.0:
        return {**x}
    common = [i for i in x if i in y]
    ours, (theirs, alpha) = [x[i] for i in common], within_half([y[i] for i in common], factor)
    op = partial(torch._foreach_add_ if overwrite else torch._foreach_add, alpha=alpha)
    sums = each(op, ours, theirs) if common else []
    alone = scale({i: part for i, part in y.items() if i not in x}, factor)
    return {**x, **alone, **dict(zip(common, sums, strict=True))}


def within_half(parts: list[Tensor], factor: float) -> tuple[list[Tensor], float]:
    """Parts and a factor that torch can add them by: in float16 none above 65,504.

    A short gradient's factor to a radius, and a product of long ones, can be greater.
    """
    if abs(factor) <= _GREATEST_HALF or torch.float16 not in {*map(_DTYPE, parts)}:
        return parts, factor
    return each(torch._foreach_mul, parts, factor), 1.0


def kth_smallest(parts: list[Tensor], k: int) -> Tensor:
    """The k-th smallest of all elements, k counted from 1; on the device of the first part."""
    together = torch.cat([part.flatten().to(parts[0]) for part in parts])
    return together.kthvalue(k).values


def ratio(numerator: float, denominator: Tensor) -> Tensor | float:
    """numerator / denominator where that is meaningful, else 0: for a denominator of 0, inf or NaN.

    A number where the denominator lies in the host's memory; elsewhere a tensor on its device, for
    which nothing waits.
    """
    value = known(denominator)
    if not isinstance(value, Tensor):
        return numerator / value if 0.0 < value < math.inf else 0.0
    return on_device_ratio(numerator, denominator)


def on_device_ratio(numerator: float, denominator: Tensor) -> Tensor:
    """`ratio` for an accelerator: n / inf is 0 by itself, n / 0 and NaN are made 0."""
    return (numerator / denominator).nan_to_num_(0.0, 0.0, 0.0)


def shrink(x: Vector, factor: Tensor | float, *, overwrite: bool = False) -> Vector:
    """factor * x, and exactly 0 for a factor of 0, whatever x holds; in x's memory if asked to."""
    scaled = scale_(x, factor) if overwrite else scale(x, factor)
    if isinstance(factor, Tensor):
        for part in scaled.values():
            _real(part).nan_to_num_(0.0)  # what inf * 0 and NaN * 0 leave
    return scaled


def unit(x: Vector, *, overwrite: bool = False) -> Vector:
    """x / ||x||_2, and zero where the norm is zero or not finite; perhaps in x's memory."""
    return shrink(x, ratio(1.0, norm(x)), overwrite=overwrite)
