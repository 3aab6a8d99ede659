"""The command line: what it prints, what it refuses before training, and how it ends."""

import json
from pathlib import Path

import pytest

from sssam.lab.cli import main, studies
from sssam.lab.cli.options import StudyOptions, TaskOptions
from sssam.lab.report import page as report
from sssam.lab.runs import dispatch

SMALL = ["--epochs", "2", "--seeds", "2", "--engine", "here"]


@pytest.fixture(autouse=True)
def _pages(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages take seconds to draw: they are written where a test looks at one."""
    if "page" not in request.node.name:
        page = lambda _, folder, **__: [folder / "comparison.html"]  # noqa: E731
        monkeypatch.setattr(report, "write", page)


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which a small comparison was made."""
    folder = tmp_path_factory.mktemp("studied")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "write", lambda *_, **__: [""])
        words = [*SMALL, "--variants", "SAM", "SS-SAM constant", "--no-controls", "--out"]
        assert main(["compare", "noisy-digits", *words, f"{folder}"]) == 0
    return folder


def compare(folder: Path, *more: str) -> int:
    words = [*SMALL, "--variants", "SAM", "--no-controls", "--out", str(folder), *more]
    return main(["compare", "noisy-digits", *words])


def test_compare_ends_with_table_headline_and_page(
    studied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(studied) == 0
    output = capsys.readouterr()
    lines = output.out.splitlines()
    assert lines[0].split()[:2] == ["variant", "accuracy"]
    assert any(line.startswith("On noisy-digits, ") for line in lines)
    assert lines[-1] == f"The page: {studied / 'comparison.html'}"
    assert (
        output.err
        == f"4 of 4 runs were finished before, in {studied}/records: nothing was trained\n"
    )


def test_compare_trains_only_what_is_missing(
    studied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*SMALL, "--variants", "SAM", "looksam", "--no-controls", "--out", f"{studied}"]
    assert main(["compare", "noisy-digits", *words]) == 0
    err = capsys.readouterr().err
    assert f"4 of 6 runs were finished before, in {studied}/records: 2 to train" in err
    assert "2 of 2 runs, the last of them LookSAM, seed 1" in err


def test_quiet_says_headline_and_page_alone(
    studied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(studied, "--quiet") == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert [line.split()[0] for line in output.out.splitlines() if line] == ["On", "The"]


def test_nothing_is_tuned_on_a_task_unless_that_is_asked_for(studied: Path) -> None:
    assert compare(studied, "--quiet") == 0
    found = json.loads((studied / "comparison.json").read_text())
    assert found["tuning"] == []
    study = json.loads((studied / "study.json").read_text())
    assert study["parts"][0]["base"]["axes"] == {}


def test_without_a_task_noisy_digits_is_tuned_over_all_controls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study, folder = studies.resolve(None, StudyOptions(), TaskOptions())
    (part,) = study.parts
    assert folder == Path("sssam-results", "noisy-digits")
    assert (study.trials, len(study.seeds)) == (studies.DEMO_TRIALS, 12)
    assert part.base.axes.keys() == {"learning_rate", "weight_decay", "label_smoothing", "dropout"}
    assert {variant.count(study.trials) for variant in part.variants} == {len(studies.DEMO_RADII)}
    assert all(list(variant.axes["rho"].values) == studies.DEMO_RADII for variant in part.variants)
    for asked in (StudyOptions(trials=8), StudyOptions(variants=("SAM",))):
        (part,) = studies.resolve(None, asked, TaskOptions()).study.parts
        assert all(variant.axes["rho"].grows for variant in part.variants)
    assert len(part.controls) == 8
    epochs = [part.task.epochs * control.length for control in part.controls]
    assert all(each == int(each) for each in epochs)


def test_files_that_are_no_records_are_told_of(
    studied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (studied / "records" / "torn.json").write_text("{")
    assert main(["report", str(studied)]) == 0
    assert "passed over, no record: torn.json" in capsys.readouterr().err


def test_ctrl_c_says_that_the_same_command_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(dispatch, "run_missing", interrupted)
    assert compare(tmp_path) == 130
    assert "the same command goes on from there" in capsys.readouterr().err


def test_a_full_disk_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "the record a.json could not be written: No space left on device")

    monkeypatch.setattr(dispatch, "run_missing", full)
    assert compare(tmp_path, "--quiet") == 1
    assert one_line(capsys).endswith("No space left on device")


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    output = capsys.readouterr()
    assert output.out == ""
    lines = output.err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("sssam: ")
    return lines[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compare", "noisy-digit"], "unknown task 'noisy-digit': did you mean 'noisy-digits'"),
        (["compare", "--variants", "SSAM late"], "unknown variant 'SSAM late': did you mean "),
        (["compare", "--seeds", "0"], 'Invalid value "0" for --seeds. Must be >= 1.'),
        (["compare", "--seeds", "99999"], "--seeds. Must be <= 10000."),
        (["compare", "--epochs", "0"], 'Invalid value "0" for --epochs. Must be >= 1.'),
        (["compare", "digits", "--data", "nowhere"], "data 'digits' takes no path, got 'nowhere'"),
        (["compare", "cifar10", "--data", "nowhere"], "data path 'nowhere' does not exist"),
        (["compare", "--seeds", "many"], 'unable to convert "many" into int'),
        (["compare", "--sedes", "3"], "Unknown option: --sedes. Did you mean --seeds?"),
        (["compare", "--out", __file__], "Only directory is allowed"),
        (["compare", "--variants", "looksam:q=5"], "unknown key 'q'"),
        (["compare", "--variants", "sssam:schedule='lat(1)'"], "unknown schedule 'lat'"),
        (["compare", "--engine", "locl"], "unknown engine 'locl': did you mean 'local'"),
        (["compare", "nothing.toml"], "nothing.toml: No such file"),
        (["compare", "nothing.py"], "task file 'nothing.py' does not exist"),
        (["report", "nowhere"], "'nowhere' holds no study.json"),
        (["export", "nowhere"], "'nowhere' has no records"),
        (["import", "nothing.jsonl", "nowhere"], "nothing.jsonl"),
        (["compare", "digits", "--trials", "-1"], "--trials. Must be >= 0."),
        (["train", "--method", "default"], "names 5 variants: name one"),
        (["compair"], 'Unknown command "compair". Did you mean "compare"?'),
        (["train", "--method", "SAMM"], "unknown variant 'SAMM': did you mean 'SAM'"),
        (["train", "--seed", "-1"], "--seed. Must be >= 0."),
        (["train", "--accelerator", "gpu"], 'Invalid value "gpu" for --accelerator'),
        (["plan", "--budget", "0.5"], "budget must be in [1, 2], not 0.5"),
        (["plan", "--budget", "3"], "budget must be in [1, 2], not 3.0"),
        (["plan", "--total-steps", "0"], "--total-steps. Must be >= 1."),
        (["plan", "--out", "plan.gif"], 'supported extensions {"svg", "pdf", "png"}'),
        (["compare", "--variants", ""], "unknown variant ''"),
        (["compare", "--variants", "sam:rho=-1"], "'sam:rho=-1': "),
        (["compare", "--variants", "looksam:k=0"], "'looksam:k=0': k must be at least 1, not 0"),
        (["compare", "--out", f"{__file__}/sub"], "not a directory"),
        (["import", ".", "nowhere"], "Only file is allowed"),
        (["import", __file__, __file__], "for DIRECTORY. Only directory is allowed"),
        (["init", __file__], "already exists"),
        (["init", "my_task.txt"], 'must have extension "py"'),
        (["report", __file__], "holds no study.json"),
    ],
)
def test_bad_input_is_one_clear_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert said in one_line(capsys)


def test_train_prints_the_result_and_writes_the_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "--epochs", "2", "--out", str(tmp_path), "--seed", "3"]
    assert main(words) == 0
    output = capsys.readouterr()
    assert "SS-SAM linear(0, 1) on noisy-digits, seed 3: finished; test accuracy " in output.out
    assert "epoch 2 of 2: training loss " in output.err
    (path,) = (tmp_path / "records").iterdir()
    assert json.loads(path.read_text())["run"]["seed"] == 3


def test_train_finds_a_run_that_was_finished_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "--epochs", "3", "--out", str(tmp_path), "--checkpoint", f"{tmp_path}/a.pt"]
    assert main([*words, "--quiet"]) == 0
    first = capsys.readouterr().out
    assert main(words) == 0
    output = capsys.readouterr()
    assert output.out == first
    assert output.err == "this run was finished before: nothing was trained\n"
    for path in (tmp_path / "records").iterdir():
        path.unlink()
    assert main(words) == 0  # from its checkpoint, of the last epoch
    assert capsys.readouterr().out.rpartition(";")[0] == first.rpartition(";")[0]


def test_a_checkpoint_of_another_run_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "--out", str(tmp_path), "--checkpoint", f"{tmp_path}/a.pt"]
    assert main([*words, "--epochs", "1", "--quiet"]) == 0
    capsys.readouterr()
    assert main([*words, "--seed", "1", "--epochs", "2"]) == 2
    line = one_line(capsys)
    assert "a.pt' is of another run: task.epochs is 1 there, not 2; seed is 0 there, not 1." in line


def test_plan_prints_the_families_and_writes_the_plot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "--budget", "1.25", "--out", str(tmp_path / "plan.svg")]) == 0
    text = capsys.readouterr().out
    assert "constant(0.25)" in text
    assert "linear, falling: reaches 1.5 to 2" in text
    assert (tmp_path / "plan.svg").read_text().startswith("<svg")
