"""Records -> a comparison. It reads, never trains."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any

from sssam.lab.comparison.claims import claimed
from sssam.lab.comparison.contrasts import contrasted
from sssam.lab.comparison.flatness import without_flatness
from sssam.lab.comparison.results import results
from sssam.lab.comparison.stored import environments, mixed_seeds, other_data, studied
from sssam.lab.comparison.values import Comparison
from sssam.lab.comparison.variants import summary
from sssam.lab.specs import Method, Record, Run, Task, Timing, Tuning
from sssam.lab.specs.flatness import FlatnessSettings

_UNTIMED: Mapping[str, Timing] = MappingProxyType({})


def compare(
    task: Task,
    methods: Sequence[Method],
    seeds: Sequence[int],
    records: Iterable[Record],
    note: str = "",
    untuned: Sequence[str] = (),
    *,
    tuning: Sequence[Tuning] = (),
    timings: Mapping[str, Timing] = _UNTIMED,
    added: Sequence[int] = (),
    flatness: FlatnessSettings | None = None,
) -> Comparison:
    """Compares the methods on a task, paired by seed, from the records that there are.

    Args:
        task: what all are trained on.
        methods: what is compared, in the order of the variants; labels differ.
        seeds: at least one, each once.
        records: of these runs; those of other runs are left out, and a run without one is missing.
        note: a sentence of the study's on how values were chosen.
        untuned: labels of variants whose rho was not tuned on this task.
        tuning: what was tuned over what; without a tuned base nothing is claimed.
        timings: seconds over the base's, by `Run.variant`.
        added: those of the seeds that were not in the study when it was first run.
        flatness: what was to be measured of it; by other settings it is left out.

    Raises:
        ValueError: no methods, no seeds, a seed twice, two methods with one label, or a record
            whose accuracy is outside [0, 1].
    """
    labels = [method.label for method in methods]
    if not labels or not seeds:
        raise ValueError("a comparison needs at least one method and one seed")
    named: dict[str, list[Any]] = {"labels": labels, "seeds": list(seeds)}
    for name, values in named.items():
        if twice := sorted({each for each in values if values.count(each) > 1}):
            raise ValueError(f"{name} are {values}, but {twice} appear twice: give each once")
    stored = list(records)
    runs = {m.label: [Run(task=task, method=m, seed=seed) for seed in seeds] for m in methods}
    found = studied(runs, stored)
    used = list(chain.from_iterable(by_seed.values() for by_seed in found.values()))
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
        note=note,
        untuned=tuple(untuned),
        seeds_added=tuple(added),
        mixed_seeds=mixed_seeds(found.values()),
        other_data=other_data(runs, stored),
        without_flatness=without_flatness(used, flatness),
        has_test_error=len(seeds) < 2 or all(each.right is not None for each in arrays.values()),
        environments=tuple(environments(used)),
        commits=tuple(dict.fromkeys(e.commit for e in made if e.commit is not None)),
    )
    return claimed(contrasted(measured, arrays), arrays)
