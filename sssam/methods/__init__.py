"""Methods: short compositions of roles, each a generator of passes.

A method yields the passes that it wants run, each at the weights as they stand, is sent their
gradients, and returns the gradient for the base optimizer. SAM is `Ascent(Fresh(),
Euclidean(rho))`; SS-SAM is a `Switch` between it and `Plain()`, thrown by a scheduled coin.
"""

from sssam.methods.ascent import Ascent
from sssam.methods.base import PLAIN, Memory, Method, Plain
from sssam.methods.enhanced import Enhanced
from sssam.methods.facts import Facts, Opening
from sssam.methods.merged import Merged
from sssam.methods.parallel import Parallel
from sssam.methods.reuse import Reuse
from sssam.methods.slow import Slow
from sssam.methods.switch import GradientSwitch, Switch

__all__ = [
    "PLAIN",
    "Ascent",
    "Enhanced",
    "Facts",
    "GradientSwitch",
    "Memory",
    "Merged",
    "Method",
    "Opening",
    "Parallel",
    "Plain",
    "Reuse",
    "Slow",
    "Switch",
]
