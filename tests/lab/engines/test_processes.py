"""Several processes at one study, and processes that are killed in the middle of one."""

import random
import subprocess
import sys
import time
from pathlib import Path

import marks
import one_study
import psutil
import pytest

from sssam.lab.engines import Here
from sssam.lab.runs import dispatch
from sssam.lab.runs import store as records

SEEDS, EPOCHS = 6, 10
RUNS = one_study.runs(SEEDS, EPOCHS)


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    return dispatch.run_missing(RUNS, tmp_path_factory.mktemp("calm"), engine=Here(threads=1)).by_id


@pytest.fixture
def begin(importing):
    """Starts processes at one study at the same time; what is left of them is killed at the end."""
    started: list[subprocess.Popen] = []

    def begin(directory: Path, number: int, engine: str = "here,threads=1"):
        command = [sys.executable, one_study.__file__, directory, engine, str(SEEDS), str(EPOCHS)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        new = [subprocess.Popen(command, env=importing, **pipes) for _ in range(number)]
        started.extend(new)
        for process in new:
            assert process.stdout.readline() == "ready\n"
        for process in new:
            process.stdin.write("go\n")
            process.stdin.flush()
        return new

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def _wait_for_marks(directory: Path, number: int) -> None:
    until = time.monotonic() + 120
    while len(marks.read(directory)) < number:
        assert time.monotonic() < until
        time.sleep(0.005)


ENGINES = pytest.mark.parametrize(
    "engine", ["here,threads=1", pytest.param("local:1,threads=1", marks=pytest.mark.slow)]
)


@ENGINES
def test_two_processes_at_one_study_share_its_runs(tmp_path, begin, calm, engine):
    directory = tmp_path / "records"
    processes = begin(directory, 2, engine)
    assert [process.communicate()[0] for process in processes] == [f"{len(RUNS)}\n"] * 2
    marks.require_none_done_twice(directory, RUNS, interruptions=0)
    marks.require_equal(records.read_all(directory).by_id, calm)


@ENGINES
def test_when_one_of_two_is_killed_the_other_does_all(tmp_path, begin, calm, engine):
    directory = tmp_path / "records"
    one, other = begin(directory, 2, engine)
    _wait_for_marks(directory, 5)
    one.kill()
    assert other.communicate()[0] == f"{len(RUNS)}\n"
    marks.require_none_done_twice(directory, RUNS, interruptions=1)
    marks.require_equal(records.read_all(directory).by_id, calm)


@pytest.mark.slow
@ENGINES
def test_when_both_are_killed_the_same_command_does_the_rest(tmp_path, begin, calm, engine):
    directory = tmp_path / "records"
    both = begin(directory, 2, engine)
    _wait_for_marks(directory, 5)
    for process in both:
        process.kill()
    (process,) = begin(directory, 1, engine)  # while orphaned workers may still end
    assert process.communicate()[0] == f"{len(RUNS)}\n"
    marks.require_none_done_twice(directory, RUNS, interruptions=2)
    marks.require_equal(records.read_all(directory).by_id, calm)


KILLS = [1, pytest.param(10, marks=pytest.mark.slow)]


@pytest.mark.parametrize("kills", KILLS)
@pytest.mark.parametrize("engine", ["here,threads=1", "local:2,threads=1"])
def test_a_killed_study_goes_on_by_the_same_command(tmp_path, begin, calm, engine, kills):
    directory, source = tmp_path / "records", random.Random(engine)
    for kill in range(kills):
        (process,) = begin(directory, 1, engine)
        _wait_for_marks(directory, 2 * len(RUNS) * kill // kills + source.randint(1, 2))
        time.sleep(source.uniform(0, 0.1))
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        _, alive = psutil.wait_procs(workers, timeout=60)
        assert alive == []
    (process,) = begin(directory, 1, engine)
    assert process.communicate()[0] == f"{len(RUNS)}\n"
    marks.require_none_done_twice(directory, RUNS, interruptions=2 * kills)
    marks.require_equal(records.read_all(directory).by_id, calm)
