"""Every Python block of the documents runs as it stands, given what is the reader's own.

A new page needs nothing here: its blocks are run in order, with the names of `theirs`.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import sssam
from sssam.lab import Problem

ROOT = Path(__file__).parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path
    for path in [ROOT / "README.md", *ROOT.glob("docs/*.md")]
}
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(?=## )", re.MULTILINE)
Names = dict[str, Any]

#: Pages whose sections are run by themselves, here or in a test of their own.
BY_SECTION = {"docs/integrations.md": "", "docs/migrating.md": "docs/test_migrating.py"}
WITH_CODE = sorted(name for name, page in PAGES.items() if BLOCK.search(page.read_text()))


def run(blocks: list[str], names: Names) -> Names:
    """The names that are there after the blocks."""
    for block in blocks:
        exec(block, names)
    return names


def section(document: str, title: str) -> list[str]:
    """The blocks of a section, after those above the first one."""
    above, *sections = HEADING.split(PAGES[document].read_text())
    [text] = [text for text in sections if text.startswith(f"## {title}\n")]
    return BLOCK.findall(above) + BLOCK.findall(text)


class Net(nn.Sequential):
    """What a reader may have."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))


def theirs() -> Names:
    """What pages call the reader's: model, criterion, loader, epochs, a wrapped optimizer."""
    torch.manual_seed(0)
    data = torch.utils.data.TensorDataset(torch.randn(48, 6), torch.randint(3, (48,)))
    loader = torch.utils.data.DataLoader(data, batch_size=16)
    names = {"model": Net(), "criterion": nn.CrossEntropyLoss(), "loader": loader, "epochs": 4}
    sgd = torch.optim.SGD(names["model"].parameters(), lr=0.1, momentum=0.9)
    names["optimizer"] = sssam.SAM(sgd, model=names["model"])
    return {"torch": torch, "nn": nn, "sssam": sssam, **names}


def _methods() -> Names:
    names = theirs()
    matrices = [p for p in names["model"].parameters() if p.ndim == 2]
    rest = [p for p in names["model"].parameters() if p.ndim != 2]
    names["sgd"] = torch.optim.SGD(names["model"].parameters(), lr=0.1, momentum=0.9)
    names["muon"], names["adamw"] = torch.optim.Muon(matrices), torch.optim.AdamW(rest)
    names["total_steps"] = 10
    names["scheduler"] = torch.optim.lr_scheduler.LinearLR(names["sgd"], 1, 0.1, 10)
    return names


def _scale() -> Names:
    names = theirs()
    names["optimizer"] = torch.optim.SGD(names["model"].parameters(), lr=0.1, momentum=0.9)
    names["scheduler"] = torch.optim.lr_scheduler.LinearLR(names["optimizer"])
    return names


#: Pages that are whole scripts, or for which a reader has something else.
NAMES: dict[str, Callable[[], Names]] = {
    "README.md": dict,
    "docs/start.md": dict,
    "docs/schedules.md": dict,
    "docs/sharpness.md": dict,
    "docs/tasks.md": dict,
    "docs/architecture.md": dict,
    "docs/methods.md": _methods,
    "docs/scale.md": _scale,
}


def _pages_that_print() -> list[tuple[str, str, str]]:
    """Each `print(...)  # what it prints` of the documents: the page, the line, the words."""
    comment = re.compile(r"^print\((.*)\)  # (\S.*)$", re.MULTILINE)
    return [
        (name, line, said)
        for name in WITH_CODE
        for block in BLOCK.findall(PAGES[name].read_text())
        for line, said in comment.findall(block)
    ]


@pytest.mark.parametrize("name", [name for name in WITH_CODE if name not in BY_SECTION])
def test_the_blocks_of_a_page_run_and_print_what_it_says(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run(BLOCK.findall(PAGES[name].read_text()), NAMES.get(name, theirs)())
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    for _, _, said in (each for each in _pages_that_print() if each[0] == name):
        numbers = re.match(r"[\d. ]*", said)
        assert numbers is not None
        expected = [float(number) for number in numbers[0].split()]
        assert not expected or any(_agrees(expected, line) for line in printed), said


def _agrees(expected: list[float], line: list[str]) -> bool:
    """Whether a line begins with these numbers, to a thousandth."""
    try:
        return [float(word) for word in line[: len(expected)]] == pytest.approx(expected, abs=1e-3)
    except ValueError:
        return False


def test_some_pages_say_what_they_print() -> None:
    assert len([said for _, _, said in _pages_that_print() if said[0].isdigit()]) >= 4


def _fabric() -> Names:
    fabric = pytest.importorskip("lightning_fabric", reason="lightning-fabric is missing")
    return {"fabric": fabric.Fabric(accelerator="cpu", devices=1)}


def _accelerate() -> Names:
    accelerate = pytest.importorskip("accelerate", reason="accelerate is missing")
    return {"accelerator": accelerate.Accelerator(cpu=True, gradient_accumulation_steps=3)}


def _transformers() -> Names:
    transformers = pytest.importorskip("transformers", reason="transformers is missing")
    size = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.BertConfig(**size, intermediate_size=8, vocab_size=10)
    row = {"input_ids": torch.arange(5), "labels": 1}
    how = {"use_cpu": True, "report_to": [], "save_strategy": "no", "disable_tqdm": True}
    return {
        "model": transformers.BertForSequenceClassification(config),
        "arguments": transformers.TrainingArguments(num_train_epochs=1, **how),
        "data": [row] * 8,
    }


def _lightning() -> Names:
    pl = pytest.importorskip("lightning.pytorch", reason="lightning is missing")

    class YourModule(pl.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net = Net()

        def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
            return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

    return {"YourModule": YourModule}


def _skorch() -> Names:
    pytest.importorskip("skorch", reason="skorch is missing")
    from sklearn.model_selection import cross_val_score

    x, y = torch.randn(60, 6).numpy(), torch.arange(60).remainder(3).numpy()
    return {"cross_val_score": cross_val_score, "Net": Net, "x": x, "y": y}


def _peft() -> Names:
    pytest.importorskip("peft", reason="peft is missing")
    return {}


INTEGRATIONS: dict[str, Callable[[], Names]] = {
    "A loop of your own": lambda: {"device": "cpu"},
    "Fabric": _fabric,
    "Accelerate": _accelerate,
    "Transformers": _transformers,
    "Lightning": _lightning,
    "skorch": _skorch,
    "PEFT": _peft,
}


@pytest.mark.filterwarnings("ignore::UserWarning:lightning", "ignore::FutureWarning")
@pytest.mark.parametrize("title", INTEGRATIONS)
def test_integrations(title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = run(section("docs/integrations.md", title), theirs() | INTEGRATIONS[title]())
    made = {"Transformers": "trainer", "Lightning": "trainer", "skorch": "estimator"}
    assert made.get(title, "optimizer") in names


def test_schedules(capsys: pytest.CaptureFixture[str]) -> None:
    names = run(BLOCK.findall(PAGES["docs/schedules.md"].read_text()), {})
    *others, free = [line.split()[-1] for line in capsys.readouterr().out.splitlines()]
    assert (set(others), free) == ({"1.2000"}, "1.0000")
    for steps, deviation in ((100, 0.04), (10_000, 0.004)):  # as the page says
        ramp = names["linear"](0, 1).with_budget(1.2, steps)
        assert ramp.variance(steps) ** 0.5 == pytest.approx(deviation, rel=0.1)


def test_a_task_and_an_engine_of_the_pages_are_what_they_should_be() -> None:
    [block] = BLOCK.findall(PAGES["docs/tasks.md"].read_text())
    assert isinstance(run([block], {})["task"](0), Problem)
    [block] = BLOCK.findall(PAGES["docs/architecture.md"].read_text())
    with run([block], {})["engine"](jobs=3) as engine:
        assert engine.submit(sum, [1, 2]).result() == 3


def test_no_section_is_left_out() -> None:
    sections = HEADING.split(PAGES["docs/integrations.md"].read_text())[1:]
    with_code = {text.splitlines()[0][3:] for text in sections if BLOCK.search(text)}
    assert with_code == set(INTEGRATIONS)
    for own in filter(None, BY_SECTION.values()):
        assert (Path(__file__).parent / own).exists()
