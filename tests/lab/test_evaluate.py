import torch

from sssam.lab import evaluate
from sssam.lab.data import Examples


def test_outputs_that_are_not_finite_are_never_right():
    examples = Examples(torch.full((4, 1), float("nan")), torch.zeros(4, dtype=torch.long))
    judged = evaluate.judge(torch.nn.Linear(1, 3), examples)
    assert judged.accuracy == 0.0
    assert judged.bits == "0x0"


def test_chance_is_the_best_constant_answer():
    labels = torch.tensor([0, 0, 0, 1])
    assert evaluate.chance(Examples(torch.zeros(4, 1), labels)) == 0.75
