"""Whether the records of a comparison differ in the method alone, and if not, in what else."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from sssam.lab.comparison.contrasts import BySeed
from sssam.lab.comparison.headline import counted, listed
from sssam.lab.specs import Environment, Record, Run

#: What of an environment can change a run's numbers, if only by rounding.
_NUMERIC = ("device", "threads", "processor", "versions")


def remarks(
    studied: Mapping[str, BySeed], wanted: Iterable[Run], held: Iterable[Record]
) -> list[str]:
    """One sentence for each way in which the records are no like for like; none where they are.

    Args:
        studied: the records compared, by label and seed.
        wanted: the runs asked for.
        held: all records there are, those of other runs too.
    """
    return [
        *_pairs(studied),
        *_environments(studied),
        *_other_data(list(wanted), studied, held),
    ]


def environments(records: Iterable[Record]) -> list[Environment]:
    """The distinct environments, times and commits apart, in the order in which they appear."""
    seen: dict[str, Environment] = {}
    for record in records:
        if record.environment is not None:
            seen.setdefault(_key(record.environment), record.environment)
    return list(seen.values())


def _pairs(studied: Mapping[str, BySeed]) -> list[str]:
    """What must be equal over the rows at each seed; a diverged run stopped early, so saw less."""
    said = [
        _unlike(studied, "did not train on the same examples in the same order", _order),
        _unlike(studied, "did not start from the same weights", lambda r: r.initial_hash),
        _unlike(studied, "were not judged on the same test examples", lambda r: r.test_hash),
    ]
    return [sentence for sentence in said if sentence]


def _order(record: Record) -> str:
    return record.sample_hash if record.outcome == "finished" else ""


def _unlike(studied: Mapping[str, BySeed], what: str, value: Callable[[Record], str]) -> str:
    odd: dict[int, list[str]] = {}
    for seed in sorted({seed for by_seed in studied.values() for seed in by_seed}):
        values = {label: value(by[seed]) for label, by in studied.items() if seed in by}
        known = {label: each for label, each in values.items() if each}
        if len(set(known.values())) > 1:
            usual = Counter(known.values()).most_common(1)[0][0]
            odd[seed] = [label for label, each in known.items() if each != usual]
    if not odd:
        return ""
    labels = listed(list(dict.fromkeys(label for each in odd.values() for label in each)))
    seeds = listed([str(seed) for seed in odd], most=5)
    return (
        f"Not like for like: at {counted(len(odd), 'seed')} ({seeds}) the rows {what} ({labels} "
        "against the others); these pairs differ in more than the method."
    )


def _environments(studied: Mapping[str, BySeed]) -> list[str]:
    every = environments(record for by_seed in studied.values() for record in by_seed.values())
    if len(every) < 2:
        return []
    unlike = [name for name in Environment.model_fields if _differs(every, name)]
    unlike = [name for name in unlike if name not in ("time", "commit")]
    sentence = (
        f"The records come from {len(every)} environments, so their times are not comparable "
        f"throughout; they differ in {listed([_told(every, name) for name in unlike])}."
    )
    mixed = _mixed_seeds(studied)
    if not mixed or not any(_differs(every, name) for name in _NUMERIC):
        return [sentence]
    return [
        f"{sentence} At {counted(mixed, 'seed')} the rows of one pair are from different ones, "
        "so rounding may be in the difference too."
    ]


def _mixed_seeds(studied: Mapping[str, BySeed]) -> int:
    by_seed: dict[int, set[str]] = {}
    for records in studied.values():
        for seed, record in records.items():
            if record.environment is not None:
                by_seed.setdefault(seed, set()).add(_key(record.environment, _NUMERIC))
    return sum(len(kinds) > 1 for kinds in by_seed.values())


def _key(environment: Environment, names: Sequence[str] | None = None) -> str:
    if names is not None:
        return environment.model_dump_json(include=set(names))
    return environment.model_dump_json(exclude={"time", "commit"})


def _differs(every: Sequence[Environment], name: str) -> bool:
    return any(getattr(each, name) != getattr(every[0], name) for each in every)


def _told(every: Sequence[Environment], name: str) -> str:
    """What differs, with its values; of versions, those alone that differ."""
    if name != "versions":
        return f"{name} ({listed(list(dict.fromkeys(str(getattr(e, name)) for e in every)), 3)})"
    packages = sorted({package for each in every for package in each.versions})
    found = {p: list(dict.fromkeys(e.versions.get(p, "none") for e in every)) for p in packages}
    return listed([f"{p} ({listed(v, 3)})" for p, v in found.items() if len(v) > 1])


def _other_data(
    wanted: Sequence[Run], studied: Mapping[str, BySeed], held: Iterable[Record]
) -> list[str]:
    """Records that would be of these runs, were they not of data with another fingerprint."""
    used = {record.id for by_seed in studied.values() for record in by_seed.values()}
    ids = {_without_fingerprint(run) for run in wanted}
    others = [r for r in held if r.id not in used and _without_fingerprint(r.run) in ids]
    if not others:
        return []
    prints = listed(list(dict.fromkeys(_fingerprint(r.run) for r in others)), 3)
    own = {_fingerprint(run) for run in wanted}
    return [
        f"{counted(len(others), 'record')} of the same runs on other data "
        f"{'is' if len(others) == 1 else 'are'} left out: the fingerprint is {prints}, not "
        f"{listed(sorted(own))}."
    ]


def _fingerprint(run: Run) -> str:
    return run.task.data.fingerprint or "unknown"


def _without_fingerprint(run: Run) -> str:
    data = run.task.data.model_copy(update={"fingerprint": None})
    task = run.task.model_copy(update={"data": data})
    return run.model_copy(update={"task": task}).id
