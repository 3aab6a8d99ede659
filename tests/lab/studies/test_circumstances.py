"""A study goes on in another process, whatever order that gives its sets and hashes."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tiny import BASE, run

from sssam.lab.runs import store as records
from sssam.lab.specs import Record

STUDY = """
seeds = 2
tuning_seeds = 1
recipe = "given"
controls = false
tasks = [{name = "digits", train = 96, validation = 32, model = {name = "mlp", widths = [4]}, \
epochs = 1, batch_size = 32}]

[[variants]]
kind = "looksam"
rho = [0.1, 0.2]
k = 2
alpha = 0.5

[[variants]]
kind = "sssam"
rho = [0.1, 0.2]
schedule = "linear(0, 1)"
draws = "systematic"
ascent_fraction = 0.5
"""

RUNNER = """
import json, sys
from pathlib import Path
from sssam.lab.runs import dispatch
from sssam.lab.studies import studyfile
from sssam.lab.studies.design import runs
from sssam.lab.studies.trials import proposed

path, until = Path(sys.argv[1]), int(sys.argv[2])
found = studyfile.read(path)
variants = [variant for part in found.parts for variant in part.variants]
trials = [v.at(p) for v in variants for p in proposed(list(v.axes.values()), {}, 2)]
every = runs(found.parts[0].task, trials, [0])
trained = []
dispatch.run_missing(every[:until], path.parent / "records", on_record=trained.append)
text = found.text()
print(json.dumps({"study": text, "ids": [r.id for r in every], "trained": len(trained)}))
"""

#: A record as the first version wrote it, before fields were added that have a default.
EARLY = {
    "run": {
        "task": {
            "name": "tiny",
            "data": {"name": "digits", "train": 96, "validation": 32, "label_noise": 0.4},
            "model": {"name": "mlp", "widths": [8]},
            "epochs": 3,
            "batch_size": 32,
        },
        "method": {"label": "base", "kind": "base"},
        "seed": 0,
    },
    "outcome": "finished",
    "steps": 9,
    "test_accuracy": 0.5,
    "curve": [
        {
            "step": 3,
            "propagations": 3.0,
            "train_loss": 2.0,
            "validation_accuracy": 0.5,
            "learning_rate": 0.1,
        }
    ],
    "environment": {
        "time": "2026-11-01T00:00:00+00:00",
        "processor": "a processor",
        "cores": 2,
        "threads": 1,
        "device": "cpu",
        "platform": "Linux",
        "versions": {"torch": "2.13.0"},
    },
}


def _in_a_process(path: Path, until: int, hash_seed: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, str(path), str(until)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return json.loads(done.stdout)


def test_a_study_goes_on_under_another_hash_seed(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    first, second = _in_a_process(path, 2, "1"), _in_a_process(path, 4, "2")
    assert first["study"] == second["study"]
    assert first["ids"] == second["ids"]
    assert (first["trained"], second["trained"]) == (2, 2)
    stored = records.read_all(tmp_path / "records")
    assert sorted(stored.by_id) == sorted(first["ids"])
    assert not stored.failed()


def test_a_record_of_an_earlier_version_is_that_of_the_same_run(tmp_path):
    record = Record.model_validate(EARLY)
    assert record.id == run(BASE).id
    (tmp_path / f"{record.id}.json").write_text(json.dumps(EARLY))
    assert records.read_all(tmp_path).by_id == {run(BASE).id: record}


def test_a_record_of_a_later_version_is_named_and_quarantined(tmp_path):
    path = tmp_path / f"{run(BASE).id}.json"
    later = json.dumps({**EARLY, "of_a_later_version": 1})
    path.write_text(later)
    found = records.read_all(tmp_path)
    assert found.by_id == {}
    assert "of_a_later_version" in str(found.bad_files[0])
    records.quarantine(found.bad_files)
    (kept,) = (tmp_path / "quarantine").iterdir()
    assert kept.read_text() == later
    assert not path.exists()
