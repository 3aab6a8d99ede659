"""How long `sssam report` takes over a large study, from its start to its last file.

`python -m benchmarks.report_time [--runs N] [--out FILE]` writes a study of so many runs into a
folder of its own, made of the kept records of `studies/demo` with other seeds, and
times the command over it, a process of its own each time. The aim: 2,000 runs in under 20 seconds.
"""

import argparse
import gzip
import itertools
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from sssam.lab.runs import store as records
from sssam.lab.specs import Record
from sssam.lab.studies import conduct
from sssam.lab.studies.design import Part, Study, Tunable
from sssam.lab.training.hardware import describe

KEPT = Path(__file__).parents[1] / "studies" / "demo" / "records.jsonl.gz"
#: Seeds from here on were those of the tuning, and are no part of the comparison.
TUNING = 1000


def study(runs: int, directory: Path) -> int:
    """Writes a study of about so many runs, equally many for each variant; returns how many."""
    rows: dict[str, list[Record]] = {}
    for line in gzip.decompress(KEPT.read_bytes()).splitlines():
        record = Record.model_validate_json(line)
        if record.run.seed < TUNING:
            rows.setdefault(record.run.method.label, []).append(record)
    seeds = range(round(runs / len(rows)))
    first = [found[0].run for found in rows.values()]
    variants = tuple(Tunable(method=run.method) for run in first if run.method.label != "base")
    part = Part(task=first[0].task, variants=variants)
    conduct.keep(Study(name="large", parts=(part,), seeds=tuple(seeds)), directory)
    for found, seed in itertools.product(rows.values(), seeds):
        record = found[seed % len(found)]
        run = record.run.model_copy(update={"seed": seed})
        records.write(record.model_copy(update={"run": run}), directory / conduct.RECORDS)
    return len(rows) * len(seeds)


def seconds(directory: Path) -> tuple[float, float]:
    """Of one call: by the clock, and of the processor."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", "sssam", "report", directory, "--quiet"], check=True)
    spent, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Prints the median of the calls, and writes all of them if a file is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--calls", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        runs = study(options.runs, Path(name))
        times = [seconds(Path(name)) for _ in range(options.calls)]
    clock, processor = ([each[i] for each in times] for i in (0, 1))
    median = statistics.median(clock)
    spread = f"{min(clock):.1f} to {max(clock):.1f}"
    print(f"{runs} runs, {options.calls} calls: {median:.1f} s ({spread})")
    if options.out is not None:
        environment = describe(torch.device("cpu"), "32-true").model_dump()
        record = {"environment": environment, "runs": runs, "seconds": clock, "cpu": processor}
        options.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
