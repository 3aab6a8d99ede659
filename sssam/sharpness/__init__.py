"""How flat a trained model is: curvature, rises within a radius, and pictures of the loss."""

from sssam.sharpness.ascent import (
    AverageCase,
    WorstCase,
    average_case_rise,
    worst_case_rise,
)
from sssam.sharpness.hessian import Eigenvalues, Hessian, Trace
from sssam.sharpness.interpolation import Line, loss_line
from sssam.sharpness.landscape import (
    Curve,
    Surface,
    filter_normalized_direction,
    loss_curve,
    loss_surface,
)

__all__ = [
    "AverageCase",
    "Curve",
    "Eigenvalues",
    "Hessian",
    "Line",
    "Surface",
    "Trace",
    "WorstCase",
    "average_case_rise",
    "filter_normalized_direction",
    "loss_curve",
    "loss_line",
    "loss_surface",
    "worst_case_rise",
]
