"""LoRA by PEFT: every method trains the adapters alone, as its paper's pseudo-code does."""

import pytest
import torch
from torch import Tensor, nn

import sssam
from tests.naive import loop
from tests.problems import BASES, Problem, by_best, flat, same
from tests.table import TABLE

peft = pytest.importorskip("peft", reason="peft is not installed")

STEPS = 30


class Adapted(Problem):
    """The problem's network with frozen weights; LoRA's matrices and its norm train."""

    def __init__(self, norm: bool | str = False) -> None:
        super().__init__(norm=norm)
        kept = ["1"] if norm else None
        with torch.random.fork_rng():
            torch.manual_seed(1)
            config = peft.LoraConfig(
                r=2, target_modules=["0", "4"], modules_to_save=kept, init_lora_weights=False
            )
            self.model = peft.get_peft_model(self.model, config).to(torch.float64)

    @property
    def params(self) -> list[Tensor]:
        return [p for p in self.model.parameters() if p.requires_grad]

    @property
    def frozen(self) -> list[Tensor]:
        """The weights that the adapters are added to."""
        return [p for p in self.model.parameters() if not p.requires_grad]

    def merged(self) -> Tensor:
        """The weights that the network computes with, as one vector."""
        layers = [m for m in self.model.modules() if isinstance(m, peft.tuners.lora.Linear)]
        assert len(layers) == 2
        return flat([m.base_layer.weight + m.get_delta_weight("default") for m in layers])


@pytest.mark.parametrize("name", TABLE)
def test_every_method_trains_the_adapters_as_its_pseudo_code(name: str) -> None:
    row = TABLE[name]
    theirs, ours = Adapted(row.norm), Adapted(row.norm)
    expected = loop.train(theirs, BASES["adamw"](theirs.params), row.naive(theirs), STEPS)
    frozen = [p.clone() for p in ours.frozen]
    by_best(ours, row.build(BASES["adamw"](ours.params), ours.model), STEPS)
    torch.testing.assert_close(flat(ours.params), expected[-1], rtol=1e-9, atol=1e-10)
    assert same(ours.frozen, frozen)


def test_frozen_weights_that_the_base_was_given_too_do_not_move() -> None:
    some, all_of_them = Adapted(), Adapted()
    ends = []
    for problem, given in (
        (some, some.params),
        (all_of_them, list(all_of_them.model.parameters())),
    ):
        base = torch.optim.AdamW(given, lr=0.01, weight_decay=0.1)
        by_best(problem, sssam.SAM(base, rho=0.1, model=problem.model), STEPS)
        ends.append(problem.params)
    assert same(all_of_them.frozen, Adapted().frozen)
    assert same(*ends)


def test_the_adapters_move_by_rho_and_the_merged_weights_with_them() -> None:
    problem = Adapted()
    optimizer = sssam.SAM(torch.optim.SGD(problem.params, lr=0.1), rho=0.3, model=problem.model)
    w, merged = flat(problem.params), problem.merged()
    problem.loss(0).backward()
    optimizer.ascend()
    assert (flat(problem.params) - w).norm().item() == pytest.approx(0.3, rel=1e-9)
    assert not torch.equal(problem.merged(), merged)
    optimizer.restore()
    assert torch.equal(problem.merged(), merged)


def test_an_adapter_that_is_off_is_no_part_of_the_perturbation() -> None:
    net = nn.Sequential(nn.Linear(4, 4))
    model = peft.get_peft_model(net, peft.LoraConfig(r=2, target_modules=["0"]))
    model.add_adapter("other", peft.LoraConfig(r=2, target_modules=["0"]))
    optimizer = sssam.SAM(torch.optim.SGD(model.parameters(), lr=0.1), rho=0.3, model=model)
    off = [p for name, p in model.named_parameters() if "other" in name]
    before = [p.clone() for p in off]
    model(torch.ones(3, 4)).square().sum().backward()
    optimizer.ascend()
    assert same(off, before)
    optimizer.restore()
