"""An engine from a user's file, as docs/architecture.md adds one."""

from pathlib import Path

import pytest
from tiny import BASE, run

from sssam.lab import engines
from sssam.lab.cli import main
from sssam.lab.runs import dispatch
from sssam.lab.runs import store as records

FILE = """
from concurrent.futures import ThreadPoolExecutor

from sssam.lab.engines import Pool


def engine(jobs: int = 2) -> Pool:
    return Pool(ThreadPoolExecutor(jobs, thread_name_prefix="mine"), jobs)
"""


@pytest.fixture
def written(tmp_path: Path):
    def written(text: str) -> str:
        path = tmp_path / "my_engine.py"
        path.write_text(text)
        return str(path)

    return written


def test_an_executor_of_ones_own_is_an_engine(tmp_path, written) -> None:
    engine = engines.load(f"{written(FILE)},jobs=3")
    assert (type(engine), engine.jobs) == (engines.Pool, 3)
    runs = [run(BASE, seed) for seed in range(2)]
    assert len(dispatch.run_missing(runs, tmp_path / "records", engine=engine).by_id) == 2


def test_a_command_takes_it_and_a_study_does_not(tmp_path, written, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = written(FILE)
    words = ["compare", "study.toml", "--out", "kept", "--quiet"]
    task = "tasks = [{name = 'digits', epochs = 1}]\nseeds = 2\ncontrols = false\n"
    task += "variants = [{kind = 'sam', rho = 0.1}]\n"
    Path("study.toml").write_text(task)
    assert main([*words, "--engine", text]) == 0
    assert len(records.read_all(Path("kept/records")).by_id) >= 2
    Path("study.toml").write_text(f"engine = {text!r}\n{task}")
    assert main(words) == 2
    assert "unknown engine" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "option", "error"),
    [
        ("", "", "has no function `engine` that returns an engine"),
        ("def engine():\n    return 3\n", "", "return sssam.lab.engines.Pool"),
        (FILE, ",job=3", "unexpected keyword argument 'job': its options are jobs"),
        ("def engine(place):\n    pass\n", "", "missing a required argument: 'place'"),
    ],
)
def test_a_file_that_gives_none(written, text: str, option: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        engines.load(written(text) + option)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError):
        engines.load("absent.py")
