"""Records -> a comparison. It reads, never trains."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from types import MappingProxyType

from sssam.lab.comparison.claims import claimed
from sssam.lab.comparison.contrasts import contrasted
from sssam.lab.comparison.results import BySeed, results
from sssam.lab.comparison.values import Comparison
from sssam.lab.comparison.variants import summary, without_flatness
from sssam.lab.specs import Environment, Method, Record, Run, Task, Timing, Tuning
from sssam.lab.specs.flatness import FlatnessSettings

#: What of an environment can change a run's numbers, if only by rounding.
_NUMERIC = {"device", "threads", "processor", "versions"}


def compare(
    task: Task,
    methods: Sequence[Method],
    seeds: Sequence[int],
    records: Iterable[Record],
    *,
    tuning: Sequence[Tuning] = (),
    timings: Mapping[str, Timing] = MappingProxyType({}),
    flatness: FlatnessSettings | None = None,
) -> Comparison:
    """Compares the methods on a task, paired by seed, from the records that there are.

    Args:
        task: what all are trained on.
        methods: what is compared, in the order of the variants; labels differ.
        seeds: in the order of what is by seed.
        records: of these runs; those of other runs are left out, and a run without one is missing.
        tuning: what was tuned over what; without a tuned base nothing is claimed.
        timings: seconds over the base's, by `Run.variant`.
        flatness: what was to be measured of it; by other settings it is left out.
    """
    stored = list(records)
    runs = {m.label: [Run(task=task, method=m, seed=seed) for seed in seeds] for m in methods}
    found = _of_runs(runs, stored)
    used = [record for by_seed in found.values() for record in by_seed.values()]
    made = [record.environment for record in used if record.environment is not None]
    arrays = {label: results(by_seed, seeds) for label, by_seed in found.items()}
    measured = Comparison(
        task=task,
        seeds=tuple(seeds),
        variants=tuple(
            summary(m, found[m.label], len(seeds), timings.get(runs[m.label][0].variant), flatness)
            for m in methods
        ),
        tuning=tuple(tuning),
        mixed_seeds=_mixed_seeds(found.values()),
        other_data=_other_data(runs, stored),
        without_flatness=without_flatness(used, flatness),
        has_test_error=len(seeds) < 2 or all(each.right is not None for each in arrays.values()),
        environments=_distinct(made),
        commits=tuple(dict.fromkeys(e.commit for e in made if e.commit is not None)),
    )
    return claimed(contrasted(measured, arrays), arrays)


def _of_runs(
    runs: Mapping[str, Sequence[Run]], records: Iterable[Record]
) -> dict[str, dict[int, Record]]:
    """For each label the records of its runs, by seed.

    Those that were made to choose values hold no test accuracy, and answer nothing here.
    """
    usable = (r for r in records if r.outcome == "failed" or r.test_accuracy is not None)
    by_id = {record.id: record for record in usable}
    ids = {label: [(run.seed, run.id) for run in every] for label, every in runs.items()}
    return {k: {seed: by_id[i] for seed, i in every if i in by_id} for k, every in ids.items()}


def _distinct(environments: Iterable[Environment]) -> tuple[Environment, ...]:
    """The first of each kind, times and commits apart."""
    seen: dict[str, Environment] = {}
    for each in environments:
        seen.setdefault(each.model_dump_json(exclude={"time", "commit"}), each)
    return tuple(seen.values())


def _mixed_seeds(by_variant: Iterable[BySeed]) -> tuple[int, ...]:
    """The seeds whose records come from environments that can differ by rounding."""
    kinds: dict[int, set[str]] = {}
    for seed, record in chain.from_iterable(by_seed.items() for by_seed in by_variant):
        if record.environment is not None:
            kind = record.environment.model_dump_json(include=_NUMERIC)
            kinds.setdefault(seed, set()).add(kind)
    return tuple(seed for seed in sorted(kinds) if len(kinds[seed]) > 1)


def _other_data(runs: Mapping[str, Sequence[Run]], records: Iterable[Record]) -> dict[str, int]:
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
