import hashlib

import pytest
import torch

from sssam.lab.tasks.examples import Examples, ProblemError, Streamed
from sssam.lab.training import evaluate


class Echo(torch.nn.Module):
    def forward(self, inputs):
        return inputs


def test_outputs_that_are_not_finite_are_never_right():
    examples = Examples(torch.full((4, 1), float("nan")), torch.zeros(4, dtype=torch.long))
    judged = evaluate.judge(torch.nn.Linear(1, 3), examples)
    assert judged.accuracy == 0.0
    assert judged.bits == "0x0"


def test_chance_is_the_best_constant_answer():
    labels = torch.tensor([0, 0, 0, 1])
    constant = torch.tensor([[1.0, 0.0]]).repeat(4, 1)
    judged = evaluate.judge(Echo(), Examples(constant, labels))
    assert judged.chance == judged.accuracy == 0.75
    assert judged.guessing
    assert judged.bits == "0x7"
    assert judged.targets == hashlib.sha256(labels.numpy().tobytes()).hexdigest()
    right = torch.eye(2)[labels]
    assert not evaluate.judge(Echo(), Examples(right, labels)).guessing


def test_a_share_a_sample_is_a_score_and_no_bit():
    scores = torch.tensor([[0.25], [1.0], [0.0]])
    judged = evaluate.judge(
        Echo(), Examples(scores, scores), _squares, lambda outputs, targets: outputs[:, 0]
    )
    assert judged.accuracy == pytest.approx(1.25 / 3)
    assert (judged.bits, judged.chance, judged.guessing) == ("0x0", None, False)


def _squares(outputs, targets):
    return (outputs - targets).square().mean(1)


def test_each_position_counts_where_each_has_a_target():
    targets = torch.tensor([[0, 1], [1, 1]], dtype=torch.uint8)
    outputs = torch.eye(2)[torch.tensor([[0, 0], [1, 1]])]
    judged = evaluate.judge(Echo(), Examples(outputs, targets))
    assert judged.scores.tolist() == [0.5, 1.0]
    assert judged.chance == 0.75
    flat = torch.nn.functional.cross_entropy(outputs.flatten(0, 1), targets.flatten().long())
    assert judged.loss == pytest.approx(flat.item())


def test_a_dataset_is_judged_as_its_tensors():
    outputs, labels = torch.randn(2000, 3), torch.randint(3, (2000,))
    rows = list(zip(outputs, labels, strict=True))
    one, other = (
        evaluate.judge(Echo(), part) for part in (Examples(outputs, labels), Streamed(rows))
    )
    assert torch.equal(one.scores, other.scores)
    assert one[1:] == other[1:]


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        (lambda o, t: o[:, 0].mean(), r"metric gave \(\) for 3 samples, must give .* shape \(3,\)"),
        (lambda o, t: 0.5, "metric gave float for 3 samples"),
        (lambda o, t: o[:, 0] + 2, r"metric gave the score 2, must be in \[0, 1\]"),
        (lambda o, t: o[:, 0] * float("nan"), "metric gave the score nan, must be in"),
    ],
)
def test_a_metric_that_gives_no_scores(metric, text):
    zeros = torch.zeros(3, 2)
    with pytest.raises(ProblemError, match=text):
        evaluate.judge(Echo(), Examples(zeros, zeros), _squares, metric)
