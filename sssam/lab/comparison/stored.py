"""Which of the stored records are of a comparison's runs, and whether they are like for like."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from sssam.lab.comparison.results import BySeed
from sssam.lab.specs import Environment, Record, Run

#: What of an environment can change a run's numbers, if only by rounding.
_NUMERIC = {"device", "threads", "processor", "versions"}


def studied(
    runs: Mapping[str, Sequence[Run]], records: Iterable[Record]
) -> dict[str, dict[int, Record]]:
    """For each label the records of its runs, by seed.

    Those that were made to choose values hold no test accuracy, and answer nothing here.

    Raises:
        ValueError: an accuracy is outside [0, 1]: a comparison with NaN would name no run.
    """
    usable = (r for r in records if r.outcome == "failed" or r.test_accuracy is not None)
    by_id = {record.id: record for record in usable}
    ids = {label: [(run.seed, run.id) for run in every] for label, every in runs.items()}
    found = {k: {seed: by_id[i] for seed, i in every if i in by_id} for k, every in ids.items()}
    for record in chain.from_iterable(by_seed.values() for by_seed in found.values()):
        _check_accuracy(record)
    return found


def _check_accuracy(record: Record) -> None:
    for name in ("test_accuracy", "validation_accuracy"):
        value = getattr(record, name)
        if value is not None and not 0 <= value <= 1:
            raise ValueError(
                f"{name} of {record.run.method.label!r} at seed {record.run.seed} is {value}, must "
                f"be in [0, 1]: correct the metric, then move record {record.id} away and train it "
                "anew"
            )


def environments(records: Iterable[Record]) -> list[Environment]:
    """The distinct environments, times and commits apart, in the order in which they appear."""
    seen: dict[str, Environment] = {}
    for record in records:
        if record.environment is not None:
            key = record.environment.model_dump_json(exclude={"time", "commit"})
            seen.setdefault(key, record.environment)
    return list(seen.values())


def mixed_seeds(found: Iterable[BySeed]) -> tuple[int, ...]:
    """The seeds whose records come from environments that can differ by rounding."""
    kinds: dict[int, set[str]] = {}
    for seed, record in chain.from_iterable(by_seed.items() for by_seed in found):
        if record.environment is not None:
            kind = record.environment.model_dump_json(include=_NUMERIC)
            kinds.setdefault(seed, set()).add(kind)
    return tuple(seed for seed in sorted(kinds) if len(kinds[seed]) > 1)


def other_data(runs: Mapping[str, Sequence[Run]], records: Iterable[Record]) -> dict[str, int]:
    """How many records would be of these runs, were their data's fingerprint not another one."""
    wanted = list(chain.from_iterable(runs.values()))
    own = {run.task.data.fingerprint for run in wanted}
    rest = [record for record in records if record.run.task.data.fingerprint not in own]
    ids = {_without_fingerprint(run) for run in wanted} if rest else set()
    prints = (r.run.task.data.fingerprint for r in rest if _without_fingerprint(r.run) in ids)
    return dict(Counter(each or "unknown" for each in prints))


def _without_fingerprint(run: Run) -> str:
    data = run.task.data.model_copy(update={"fingerprint": None})
    task = run.task.model_copy(update={"data": data})
    return run.model_copy(update={"task": task}).id
