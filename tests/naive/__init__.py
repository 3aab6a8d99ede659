"""The papers' pseudo-code, written naively on one flat vector; the library must give its iterates.

Each step works on `w`, the parameters as one vector, and on `grad(w)`, and returns the vector that
the base optimizer gets as its gradient. Nothing here shares a line with the library; random draws
are given, so that only the arithmetic is compared.
"""

from tests.naive.memories import (
    NaiveAESAM,
    NaiveAsyncSAM,
    NaiveFriendlySAM,
    NaiveLookSAM,
    NaiveMSAM,
    NaiveS2SAM,
    NaiveSAMPa,
    NaiveSSSAM,
)
from tests.naive.perturbations import (
    NaiveAlong,
    NaiveASAM,
    NaiveAuto,
    NaiveClimb,
    NaiveESAM,
    NaiveFlatLoRA,
    NaiveKSAM,
    NaiveMicroSAM,
    NaiveRandom,
    NaiveSAM,
    NaiveSAMON,
    NaiveUSAM,
    NaiveZSharp,
)
from tests.naive.updates import NaiveFunctionalSAM, NaiveGSAM, NaiveIRE, NaiveSALA, NaiveWSAM

__all__ = [
    "NaiveAESAM",
    "NaiveASAM",
    "NaiveAlong",
    "NaiveAsyncSAM",
    "NaiveAuto",
    "NaiveClimb",
    "NaiveESAM",
    "NaiveFlatLoRA",
    "NaiveFriendlySAM",
    "NaiveFunctionalSAM",
    "NaiveGSAM",
    "NaiveIRE",
    "NaiveKSAM",
    "NaiveLookSAM",
    "NaiveMSAM",
    "NaiveMicroSAM",
    "NaiveRandom",
    "NaiveS2SAM",
    "NaiveSALA",
    "NaiveSAM",
    "NaiveSAMON",
    "NaiveSAMPa",
    "NaiveSSSAM",
    "NaiveUSAM",
    "NaiveWSAM",
    "NaiveZSharp",
]
