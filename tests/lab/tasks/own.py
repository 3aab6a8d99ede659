"""A task in a file of one's own that trains in a moment."""

HEAD = """
import torch
from torch.nn import Linear
from sssam.lab import Problem

x = torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
y = (x[:, 0] > 0).long()
"""
WHOLE = "train=(x[:32], y[:32]), validation=(x[32:40], y[32:40]), test=(x[40:], y[40:])"
SETTINGS = 'SETTINGS = {"epochs": 2, "batch_size": 16}\n'
GOOD = f"""{HEAD}{SETTINGS}
def task(seed):
    return Problem(Linear(2, 2), {WHOLE})
"""
