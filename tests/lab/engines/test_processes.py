"""Several processes at one study, and processes that are killed in the middle of one."""

import random
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import forked
import marks
import one_study
import psutil
import pytest

from sssam.lab.runs import dispatch
from sssam.lab.runs import store as records

RUNS = one_study.runs(seeds=3, epochs=6)
HERE = "here,threads=1"
forked.preload("one_study")


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    return dispatch.run_missing(RUNS, tmp_path_factory.mktemp("calm"), engine=HERE).by_id


@pytest.fixture
def begin():
    """Starts processes at one study at the same time; what is left of them is killed at the end."""
    started: list[BaseProcess] = []

    def begin(directory: Path, number: int, engine: str = HERE):
        new = [forked.process(one_study.conduct, directory, engine, RUNS) for _ in range(number)]
        started.extend(new)
        return new

    yield begin
    for process in started:
        process.kill()
        process.join()


def _wait_for_marks(directory: Path, number: int) -> None:
    until = time.monotonic() + 120
    while len(marks.read(directory)) < number:
        assert time.monotonic() < until
        time.sleep(0.002)


def _require_done(process: BaseProcess) -> None:
    process.join(120)
    assert process.exitcode == 0


ENGINES = pytest.mark.parametrize(
    "engine", [HERE, pytest.param("local:1,threads=1", marks=pytest.mark.slow)]
)


@ENGINES
def test_two_processes_at_one_study_share_its_runs(tmp_path, begin, calm, engine):
    directory = tmp_path / "records"
    for process in begin(directory, 2, engine):
        _require_done(process)
    marks.require_none_done_twice(directory, RUNS, interruptions=0)
    marks.require_equal(records.read_all(directory).by_id, calm)


@ENGINES
def test_when_one_of_two_is_killed_the_other_does_all(tmp_path, begin, calm, engine):
    directory = tmp_path / "records"
    one, other = begin(directory, 2, engine)
    _wait_for_marks(directory, 3)
    one.kill()
    _require_done(other)
    marks.require_none_done_twice(directory, RUNS, interruptions=1)
    marks.require_equal(records.read_all(directory).by_id, calm)


@pytest.mark.slow
@ENGINES
def test_when_both_are_killed_the_same_command_does_the_rest(tmp_path, begin, calm, engine):
    directory = tmp_path / "records"
    both = begin(directory, 2, engine)
    _wait_for_marks(directory, 3)
    for process in both:
        process.kill()
    _require_done(*begin(directory, 1, engine))  # while orphaned workers may still end
    marks.require_none_done_twice(directory, RUNS, interruptions=2)
    marks.require_equal(records.read_all(directory).by_id, calm)


@pytest.mark.parametrize(
    ("engine", "kills"),
    [
        (HERE, 1),
        ("local:1,threads=1", 1),
        pytest.param(HERE, 10, marks=pytest.mark.slow),
        pytest.param("local:2,threads=1", 10, marks=pytest.mark.slow),
    ],
)
def test_a_killed_study_goes_on_by_the_same_command(tmp_path, begin, calm, engine, kills):
    """After one kill by any engine: records do not depend on where they are made."""
    directory, source = tmp_path / "records", random.Random(engine)
    for kill in range(kills):
        (process,) = begin(directory, 1, engine)
        _wait_for_marks(directory, 2 * len(RUNS) * kill // kills + source.randint(1, 2))
        time.sleep(source.uniform(0, 0.1))
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        _, alive = psutil.wait_procs(workers, timeout=60)
        assert alive == []
    _require_done(*begin(directory, 1, HERE if kills == 1 else engine))
    marks.require_none_done_twice(directory, RUNS, interruptions=2 * kills)
    marks.require_equal(records.read_all(directory).by_id, calm)
