"""Every Python block of the documents runs as it stands, given what is the reader's own."""

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
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(?=## )", re.MULTILINE)
Names = dict[str, Any]


def _blocks(document: str) -> list[str]:
    return BLOCK.findall((ROOT / document).read_text())


def _run(blocks: list[str], names: Names) -> Names:
    for block in blocks:
        exec(block, names)
    return names


def _section(document: str, title: str) -> list[str]:
    """The blocks of a section, after those above the first one."""
    above, *sections = HEADING.split((ROOT / document).read_text())
    [section] = [text for text in sections if text.startswith(f"## {title}\n")]
    return BLOCK.findall(above) + BLOCK.findall(section)


class Net(nn.Sequential):
    """What a reader may have."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))


def _theirs() -> Names:
    torch.manual_seed(0)
    data = torch.utils.data.TensorDataset(torch.randn(48, 6), torch.randint(3, (48,)))
    loader = torch.utils.data.DataLoader(data, batch_size=16)
    names = {"model": Net(), "criterion": nn.CrossEntropyLoss(), "loader": loader}
    return {"torch": torch, "nn": nn, "sssam": sssam, **names}


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


def test_the_readme_and_what_it_says_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    _run(_blocks("README.md"), {})
    spent, expected, mean, deviation, cheap = capsys.readouterr().out.split()
    assert (spent, expected) == ("1.45", "1.475")
    assert float(mean) == pytest.approx(1.5, abs=1e-3)
    assert float(deviation) == pytest.approx(0.0041, abs=1e-4)
    assert cheap == "1.015625"


@pytest.mark.filterwarnings("ignore::UserWarning:lightning", "ignore::FutureWarning")
@pytest.mark.parametrize("title", INTEGRATIONS)
def test_integrations(title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = _run(_section("docs/integrations.md", title), _theirs() | INTEGRATIONS[title]())
    made = {"Transformers": "trainer", "Lightning": "trainer", "skorch": "estimator"}
    assert made.get(title, "optimizer") in names


def test_budget(capsys: pytest.CaptureFixture[str]) -> None:
    names = _run(_blocks("docs/budget.md"), {})
    *others, free = [line.split()[-1] for line in capsys.readouterr().out.splitlines()]
    assert (set(others), free) == ({"1.2000"}, "1.0000")
    for steps, deviation in ((100, 0.04), (10_000, 0.004)):  # as the page says
        ramp = names["linear"](0, 1).with_budget(1.2, steps)
        assert ramp.variance(steps) ** 0.5 == pytest.approx(deviation, rel=0.1)


def test_methods() -> None:
    names = _theirs()
    matrices = [p for p in names["model"].parameters() if p.ndim == 2]
    rest = [p for p in names["model"].parameters() if p.ndim != 2]
    names["sgd"] = torch.optim.SGD(names["model"].parameters(), lr=0.1, momentum=0.9)
    names["muon"], names["adamw"] = torch.optim.Muon(matrices), torch.optim.AdamW(rest)
    names["total_steps"] = 10
    names["scheduler"] = torch.optim.lr_scheduler.LinearLR(names["sgd"], 1, 0.1, 10)
    assert isinstance(_run(_blocks("docs/methods.md"), names)["optimizer"], sssam.SSSAM)


def test_scale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = _theirs()
    names["optimizer"] = torch.optim.SGD(names["model"].parameters(), lr=0.1, momentum=0.9)
    names["scheduler"] = torch.optim.lr_scheduler.LinearLR(names["optimizer"])
    assert "generator" in _run(_blocks("docs/scale.md"), names)["saved"]


def test_sharpness() -> None:
    names = _run(_blocks("docs/sharpness.md"), {})
    assert names["worst"].rise >= names["worst"].one_step


def test_tasks() -> None:
    [block] = _blocks("docs/tasks.md")
    assert isinstance(_run([block], {})["task"](0), Problem)


def test_architecture() -> None:
    [block] = _blocks("docs/architecture.md")
    with _run([block], {})["engine"](jobs=3) as engine:
        assert engine.submit(sum, [1, 2]).result() == 3


def test_every_block_is_run() -> None:
    run = {"README.md", "docs/budget.md", "docs/integrations.md", "docs/methods.md"}
    run |= {"docs/architecture.md", "docs/scale.md", "docs/sharpness.md", "docs/tasks.md"}
    names = {path.relative_to(ROOT).as_posix(): path for path in DOCUMENTS}
    assert {name for name in names if _blocks(name)} == run
    sections = HEADING.split(names["docs/integrations.md"].read_text())[1:]
    with_code = {text.splitlines()[0][3:] for text in sections if BLOCK.search(text)}
    assert with_code == set(INTEGRATIONS)
