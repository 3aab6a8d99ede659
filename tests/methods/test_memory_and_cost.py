"""What a method declares of its memory and its cost is what is found: live tensors, passes run."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

import sssam
from sssam.methods import Ascent, GradientSwitch, Memory, Switch
from sssam.roles import Euclidean, Every, Fresh, Momentum, Store, Threshold
from tests.problems import BASES, Problem, by_closure, pass_loss
from tests.table import STEPS, TABLE

SIZE = 61  # no other tensor of the test has 61 x 61 elements


class Wide(Problem):
    """A problem with one large parameter, whose copies can be told from everything else."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            large = nn.Linear(SIZE, SIZE, bias=False, dtype=torch.float64)
        inside = [nn.Linear(6, SIZE), nn.LayerNorm(SIZE), large, nn.Linear(SIZE, 3)]
        self.model = nn.Sequential(*inside).to(torch.float64)


def _copies(problem: Problem, base: torch.optim.Optimizer) -> int:
    """Storages as large as the large parameter, beyond weights, gradients and the base's state."""
    own = problem.params
    own = own + [p.grad for p in own if p.grad is not None]
    own = own + [t for state in base.state.values() for t in state.values()]
    known = {t.untyped_storage().data_ptr() for t in own if isinstance(t, torch.Tensor)}
    alive = (t for t in gc.get_objects() if type(t) in (torch.Tensor, nn.Parameter))
    large = {t.untyped_storage().data_ptr() for t in alive if t.numel() == SIZE * SIZE}
    return len(large - known)


@pytest.fixture
def _fresh_objects() -> Iterator[None]:
    """Only what is made from here on is looked through: that is quick."""
    problem = Problem()
    by_closure(problem, BASES["momentum"](problem.params), 1)  # what torch imports on the way
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("_fresh_objects")
@pytest.mark.parametrize("name", TABLE)
def test_live_copies_of_the_parameters_are_those_declared(name: str) -> None:
    problem = Wide()
    base = BASES["momentum"](problem.params)
    optimizer = TABLE[name].build(base, problem.model)
    peak = 0
    for t in range(STEPS):
        for p in optimizer.passes(problem.batch(t)):
            peak = max(peak, _copies(problem, base))
            p.backward(pass_loss(problem, optimizer, p))
            peak = max(peak, _copies(problem, base))
        optimizer.step()
        optimizer.zero_grad()
    declared = optimizer.memory
    moves_large = optimizer.method.facts.moves and name not in ("SAMON", "FlatLoRA")
    assert _copies(problem, base) == declared.persistent + moves_large
    optimizer.release()
    assert _copies(problem, base) == declared.persistent
    assert peak == (0 if name == "SAMON" else declared.peak)  # it moves no large parameter


def test_what_the_table_of_methods_says_of_memory() -> None:
    def memory(name: str) -> Memory:
        problem = TABLE[name].problem()
        return TABLE[name].build(BASES["momentum"](problem.params), problem.model).memory

    assert {name: tuple(memory(name)) for name in ("SAM", "SAM mixed", "GSAM", "WSAM")} == {
        "SAM": (0, 1),
        "SAM mixed": (0, 2),
        "GSAM": (0, 2),
        "WSAM": (0, 2),
    }
    assert {name: memory(name).persistent for name in ("LookSAM", "FriendlySAM", "AsyncSAM")} == {
        "LookSAM": 1,
        "FriendlySAM": 1,
        "AsyncSAM": 1,
    }
    assert memory("SAMPa") == Memory(1, 3)


DRAWN = {"SSSAM", "SSSAM adaptive", "SSSAM systematic"}


@pytest.mark.parametrize("name", [name for name in TABLE if name not in DRAWN])
def test_expected_propagations_are_those_run(name: str) -> None:
    row, problem = TABLE[name], TABLE[name].problem()
    optimizer = row.build(BASES["momentum"](problem.params), problem.model)
    if row.propagations is None:
        with pytest.raises(RuntimeError, match=r"not known before training.* between 1 and 2"):
            _ = optimizer.expected_propagations
        return
    expected = optimizer.method.cost(STEPS)
    assert expected == pytest.approx(row.propagations, abs=1e-12)


def test_passes_on_the_critical_path() -> None:
    def critical(name: str) -> float:
        problem = TABLE[name].problem()
        optimizer = TABLE[name].build(BASES["momentum"](problem.params), problem.model)
        return optimizer.critical_propagations

    assert critical("AsyncSAM") == critical("SAMPa") == 1.0
    assert critical("SAM") == 2.0
    assert critical("SAM on a quarter") == 1.25
    assert critical("MSAM") == critical("S2SAM") == 1.0


def test_costs_of_compositions() -> None:
    sam, msam = Ascent(Fresh(), Euclidean(0.1)), Ascent(Momentum(), Euclidean(0.1))
    assert Switch(Every(4), sam, msam).cost(100) == 1.25
    assert Switch(Every(4), sam, msam).critical(None) == 1.25
    late = Switch(Every(2), GradientSwitch(Threshold(9), sam))
    with pytest.raises(RuntimeError, match="not known before training"):
        late.cost(9)
    with pytest.raises(RuntimeError, match="between 1 and 2;"):
        GradientSwitch(Threshold(9), msam).cost(9)
    assert Switch(Every(2), sam, Ascent(Fresh(), Euclidean(0.1), Store())).memory == Memory(1, 3)


def test_ae_sam_in_a_comparison_of_plans_is_an_error_not_a_guess() -> None:
    optimizer: Any = sssam.AESAM(BASES["sgd"](Problem().params), total_steps=9, model=False)
    with pytest.raises(RuntimeError):
        getattr(optimizer, "expected_propagations", 1.0)
    assert optimizer.propagations == 0.0
