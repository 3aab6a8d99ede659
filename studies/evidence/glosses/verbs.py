"""The task of `glosses.py` with verbs: which of ten kinds (change, contact, motion, ...) a verb is.

The pre-training has read these glosses too, without their kinds, as all text that is at hand.
"""

import torch
from glosses import SETTINGS, TIMES, TRAIN, Classifier, stored

from sssam.lab import Problem

__all__ = ["SETTINGS", "task"]
TEST, VALIDATION = 8_000, 2_000


def task(seed: int) -> Problem:
    """The first 8,000 glosses test, whatever the seed; the rest is drawn anew for each."""
    x, y = stored()["verbs"], stored()["verb_kinds"]
    order = TEST + torch.randperm(len(x) - TEST)
    validation, train = order[:VALIDATION], order[VALIDATION : VALIDATION + TRAIN].repeat(TIMES)
    model = Classifier()
    weights = {k.removeprefix("weights."): v for k, v in stored().items() if "weights." in k}
    model.body.load_state_dict(weights)
    parts = ((x[part], y[part]) for part in (train, validation, torch.arange(TEST)))
    return Problem(model, *parts)
