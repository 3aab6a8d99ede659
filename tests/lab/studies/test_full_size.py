"""The studies of published tasks at their size: read, counted and made, on small made-up data."""

import importlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import nn

from sssam.lab import tasks
from sssam.lab.specs import Run
from sssam.lab.studies import studyfile
from sssam.lab.studies.variants import VARIANT
from sssam.lab.tasks import taskfile
from sssam.lab.training.train import train

pytest.importorskip("transformers", reason="transformers is not installed")

FOLDER = Path(__file__).parents[3] / "studies/full-size"
COST = json.loads((FOLDER / "cost.json").read_text())["studies"]
LENGTH = 32


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The modules of the folder by name, the task files as the laboratory imports them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        found = {name: importlib.import_module(name) for name in ("small_data", "measure")}
        for name, place in found["small_data"].folders(tmp_path_factory.mktemp("data")).items():
            patch.setenv(name, place)
        for name in ("cifar100", "imagenet", "language"):
            found[name] = taskfile._module(taskfile.code(str(FOLDER / f"{name}.py")))
        patch.setattr(found["imagenet"].loky, "cpu_count", lambda: 0)  # no processes that read
        yield SimpleNamespace(**found)


@pytest.fixture
def small(files: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The same with small networks."""

    def network(classes: int) -> nn.Module:
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, classes))

    for name in ("small_resnet", "wide_resnet"):
        monkeypatch.setattr(files.cifar100, name, partial(network, 100))
    monkeypatch.setattr(files.imagenet, "network", partial(network, 1_000))
    config = partial(files.language.GPT2Config, n_layer=1, n_embd=8, n_head=1)
    monkeypatch.setattr(files.language, "GPT2Config", config)
    return files


@pytest.mark.parametrize("name", COST)
def test_a_study_is_read_and_costs_what_its_page_says(small: SimpleNamespace, name: str) -> None:
    study, cost, size = (
        studyfile.read(FOLDER / f"{name}.toml"),
        COST[name],
        small.measure.SIZES[name],
    )
    plans = small.measure.planned(study)
    tuning, comparing = sum(p.tuning for p in plans), sum(p.comparing for p in plans)
    assert (tuning, comparing) == (cost["tuning_runs"], cost["comparing_runs"])
    one = cost["operations_forward"], cost["operations_pass"], not name.startswith("language")
    task = study.parts[0].task
    total = sum(small.measure.operations(task, plan, size, *one) for plan in plans)
    assert total == pytest.approx(cost["operations"])
    assert task.precision == "bf16-mixed"
    page = (FOLDER / "README.md").read_text()
    (row,) = [line for line in page.splitlines() if line.startswith(f"| {name} | {tuning} + ")]
    hours = f"{cost['hours']:,.0f}"
    assert row.startswith(f"| {name} | {tuning} + {comparing} |")
    assert f"| {hours} |" in row


def test_every_study_file_is_counted() -> None:
    assert {path.stem for path in FOLDER.glob("*.toml")} == set(COST)


def test_the_passes_of_the_variants(small: SimpleNamespace) -> None:
    plans = small.measure.planned(studyfile.read(FOLDER / "language-124m.toml"))
    found = {plan.method.label: (plan.passes, plan.method.length) for plan in plans}
    assert found["base 2x length, EMA"] == (1, 2)
    assert [found[label][0] for label in ("base", "SAM", "SAM, EMA")] == [1, 2, 2]
    assert [found[f"late half{form}, EMA"][0] for form in ("", " 1/8")] == [1.5, 1.0625]


def test_networks_have_the_published_numbers_of_parameters(files: SimpleNamespace) -> None:
    makers = files.cifar100.small_resnet, files.cifar100.wide_resnet
    makers += files.imagenet.network, files.language.NextToken
    with torch.device("meta"):
        counts = [sum(p.numel() for p in make().parameters()) for make in makers]
    assert counts == [11_220_132, 36_536_884, 25_557_032, 124_439_808]
    assert counts == [each["parameters"] for each in COST.values()]


def test_wide_and_small_residual_networks_give_scores(files: SimpleNamespace) -> None:
    blocks = [files.cifar100.Block(4, 8, 2), files.cifar100.WideBlock(8, 8, 1)]
    assert nn.Sequential(*blocks)(torch.randn(2, 4, 6, 6)).shape == (2, 8, 3, 3)
    assert files.cifar100.small_resnet()(torch.randn(2, 3, 32, 32)).shape == (2, 100)


def test_cifar100_has_standardised_images_and_an_own_test_set(small: SimpleNamespace) -> None:
    one, other = (small.cifar100.resnet18(0) for _ in range(2))
    shapes = [part.inputs.shape for part in one.parts]
    assert shapes == [(4, 3, 32, 32), (1, 3, 32, 32), (2, 3, 32, 32)]
    assert one.train.inputs.mean((0, 2, 3)) == pytest.approx([0, 0, 0], abs=1e-4)
    assert torch.equal(one.test.targets, other.test.targets)
    assert not torch.equal(one.train.targets, other.train.targets)


def test_imagenet_draws_from_torch_s_generator_alone(small: SimpleNamespace) -> None:
    train, validation, test = (part.dataset for part in small.imagenet.task(0).parts)
    assert (len(train), len(validation), len(test)) == (4, 1, 2)
    drawn = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        drawn.append(train[2][0])
    assert drawn[0].shape == (3, 224, 224)
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert torch.equal(test[1][0], test[1][0])


@pytest.mark.parametrize(("width", "height"), [(500, 375), (3, 2), (400, 8)])
def test_crops_lie_in_the_image(files: SimpleNamespace, width: int, height: int) -> None:
    for _ in range(50):
        left, top, right, bottom = files.imagenet.drawn(width, height)
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height


def test_language_draws_blocks_and_judges_each_token(small: SimpleNamespace) -> None:
    problem = small.language.task(0)
    train, validation, test = (part.dataset for part in problem.parts)
    assert (len(train), len(validation), len(test)) == (4, 1, 1)
    assert torch.equal(test[0][0], test[0][0])
    drawn = []
    for seed in (0, 0):
        torch.manual_seed(seed)
        drawn.append(torch.stack([train[0][0] for _ in range(6)]))
    assert torch.equal(*drawn)
    assert len(drawn[0].unique(dim=0)) > 1
    tokens = drawn[0]
    outputs = problem.model(tokens)
    scores = problem.model.network(tokens[:, :-1]).logits
    plain = nn.functional.cross_entropy(scores.transpose(1, 2), tokens[:, 1:], reduction="none")
    assert tokens.shape == (6, LENGTH + 1)
    assert torch.allclose(problem.loss(outputs, tokens[:, 1:]), plain.mean(1))
    right = scores.argmax(-1) == tokens[:, 1:]
    assert torch.equal(problem.metric(outputs, tokens[:, 1:]), right.double().mean(1))


@pytest.mark.parametrize("name", ["cifar100.py:resnet18", "imagenet.py", "language.py"])
def test_a_task_trains_in_bfloat16_by_the_late_form(small: SimpleNamespace, name: str) -> None:
    task = tasks.find(str(FOLDER / name), changes={"epochs": 1, "batch_size": 2})
    table = VARIANT.validate_python({**small.measure.LATE, "rho": 0.1})
    record = train(Run(task=task, method=table.tunable(task).start, seed=0))
    assert record.outcome in ("finished", "diverged")  # the latter where it guesses
    assert record.train_loss is not None
    assert (record.steps, record.ascended) == (2, "0x2")


def test_texts_are_cut_into_blocks(files: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    class Letters:
        eos_token_id = 0

        def __call__(self, texts: list[str], verbose: bool) -> dict[str, list[list[int]]]:
            return {"input_ids": [[ord(letter) for letter in text] for text in texts]}

    monkeypatch.setattr(files.language, "tokenizer", Letters)
    rows = files.language.cut({"text": ["a" * 1_024, "b" * 2_000, "c"]})["tokens"]
    assert [len(row) for row in rows] == [1_025, 1_025]
    assert rows[0] == [ord("a")] * 1_024 + [0]


@pytest.mark.parametrize("variable", ["", "no-such-folder"])
def test_missing_data_say_what_to_do(
    files: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    def unreachable(*_: object, **__: object) -> ModuleType:
        raise ConnectionError("no network")

    monkeypatch.setattr(files.cifar100.read.__globals__["datasets"], "load_dataset", unreachable)
    monkeypatch.setenv("IMAGENET_DATA", variable)
    with pytest.raises(ConnectionError, match=r"Parquet files of ILSVRC/imagenet-1k") as caught:
        files.imagenet.task(0)
    assert variable or "accept the terms" in str(caught.value)
    monkeypatch.setattr(files.language.AutoTokenizer, "from_pretrained", unreachable)
    files.language.tokenizer.cache_clear()
    with pytest.raises(ConnectionError, match="a column `tokens`"):
        files.language.tokenizer()
