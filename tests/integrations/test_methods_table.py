"""The table of docs/integrations.md, of methods and trainers, is what happens."""

import re
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

import sssam
from sssam.schedules import constant
from tests.integrations import trainers
from tests.integrations.trainers import STEPS, Build

pytestmark = [
    # Lightning's advice on loader workers, on this machine's cores; nothing that a loop does.
    pytest.mark.filterwarnings("ignore:The 'train_dataloader' does not have many workers"),
    # Lightning reads data trees by a name that torch has deprecated.
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*is deprecated:FutureWarning"),
]

PAGE = Path(sssam.__file__).parents[1] / "docs" / "integrations.md"
#: The trainers of each column.
COLUMNS = [
    [trainers.by_hand, trainers.in_fabric, trainers.in_accelerate],
    [trainers.in_transformers],
    [trainers.in_lightning],
    [trainers.in_skorch],
]
MORE: dict[str, dict[str, Any]] = {
    "SSSAM": {"schedule": constant(1)},
    "GSAM": {"lr_max": 0.1},
    "MicroSAM": {"ascent_fraction": 0.5, "noise": 0.1},
    "KSAM": {"fraction": 0.5},
    "FlatLoRA": {"layers": "all-linear"},
}
#: What the table names beside classes, and the names that papers give them.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "as an argument": {"ascent_fraction": 0.5},
    'rng="same-mask"': {"rng": "same-mask"},
}
NAMES = {"SS-SAM": "SSSAM"}
REFUSALS = (
    r"ascend\(\) can't serve|can't serve this|passes|the model's output must be a tensor"
    r"|did not come from model\(\.\.\.\)"
)
CLASSES = [
    name
    for name in sssam.optimizers.__all__  # type: ignore[attr-defined]
    if isinstance(getattr(sssam, name), type)
    and issubclass(getattr(sssam, name), sssam.SharpnessAware)
    and name != "SharpnessAware"
]


def _table() -> list[list[str]]:
    _, below = PAGE.read_text().split("Which methods work in which trainer ")
    rows = [line.strip("| ").split(" | ") for line in below.split("\n\n")[1].splitlines()]
    return rows[2:]


def _build(name: str) -> Build:
    kind = "SAM" if name in ARGUMENTS else name
    settings = MORE.get(kind, {}) | ARGUMENTS.get(name, {})

    def build(base: Any, model: Any, total_steps: int) -> sssam.SharpnessAware:
        make = getattr(sssam, kind)
        plans = "total_steps" in signature(make.__init__).parameters
        total = {"total_steps": total_steps} if plans else {}
        return make(base, model=model, **total, **settings)

    return build


def _row(name: str) -> int:
    """By what the method itself says of what it needs."""
    net = trainers.Net()
    optimizer = _build(name)(trainers.base(net), net, STEPS)
    facts = optimizer.method.facts
    if facts.opening == "mixed" or facts.needs_outputs:
        return 5 if facts.needs_outputs else 4
    if facts.needs_batch or optimizer._training.guard.rng == "same-mask":
        return 3
    return 2 if facts.opening == "moved" else 1 if facts.ascent_fraction < 1 else 0


CASES = [
    pytest.param(name, column, trainer, id=f"{name}-{trainer.__name__}")
    for name in [*CLASSES, *ARGUMENTS]
    for column, trainers_ in enumerate(COLUMNS)
    for trainer in trainers_
]


@pytest.mark.parametrize(("name", "column", "trainer"), CASES)
def test_each_method_does_in_each_trainer_what_the_table_says(
    name: str, column: int, trainer: Any, tmp_path: Path
) -> None:
    says = _table()[_row(name)][column + 1]
    assert says.startswith(("yes", "no: ", "refused", "read `will_ascend`", "`ascend()` before"))
    if says.startswith(("no", "refused")):
        with pytest.raises((RuntimeError, TypeError), match=REFUSALS):
            trainer(_build(name), tmp_path)
        return
    optimizer = trainer(_build(name), tmp_path)
    assert optimizer.steps == STEPS
    if name not in ("AESAM", "IRE"):  # one decides by the gradients, the other never ascends
        assert optimizer.ascents >= 1


def test_each_name_in_the_table_stands_in_its_row() -> None:
    rows = _table()
    assert len(rows) == 6
    for i, (kind, *_) in enumerate(rows):
        said = re.search(r"\(([^)]*)\)", kind)
        names = said.group(1).replace(" and ", " ").split(", ") if said else []
        names += ['rng="same-mask"'] if "same-mask" in kind else []
        for name in (NAMES.get(n, n).strip() for n in names if n not in ("...", "")):
            assert _row(name) == i, (name, kind)
