"""What a reader must know beside the numbers, as values."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from sssam.lab.comparison.reasons import Caveat
from sssam.lab.comparison.results import BySeed, Results
from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.specs import Environment, Record, Run

#: What of an environment can change a run's numbers, if only by rounding.
_NUMERIC = frozenset({"device", "threads", "processor", "versions"})
#: How many standard deviations of its draws a mean cost may lie from the expected one.
_DEVIATIONS = 3
#: The same as a part of the expected cost, where steps are not drawn independently.
_PART = 0.05
#: Of costs, in passes a step: a schedule's blocks take whole steps, a part whole samples.
_ROUNDING = 0.01
#: How far seconds may lie from passes, as a ratio, before both must be named.
_UNLIKE = 1.1


def of_records(
    studied: Mapping[str, BySeed], wanted: Sequence[Run], stored: Iterable[Record]
) -> list[Caveat]:
    """How the records are no like for like, beyond what refuses a claim.

    Args:
        studied: the records compared, by label and seed.
        wanted: the runs asked for.
        stored: all records there are, those of other runs too.
    """
    return [*_weights(studied), *_environments(studied), *_other_data(studied, wanted, stored)]


def of_numbers(comparison: Comparison, results: Mapping[str, Results]) -> list[Caveat]:
    """How runs ended, what was not tuned well, and which prices are rough."""
    known = [*_ends(comparison), *_tuning(comparison), *_prices(comparison)]
    unknown = [label for label, each in results.items() if each.right is None]
    if unknown and len(comparison.seeds) > 1:
        known.append(Caveat(kind="test_error_unknown", variants=tuple(unknown)))
    return known


def environments(records: Iterable[Record]) -> list[Environment]:
    """The distinct environments, times and commits apart, in the order in which they appear."""
    seen: dict[str, Environment] = {}
    for record in records:
        if record.environment is not None:
            seen.setdefault(_key(record.environment), record.environment)
    return list(seen.values())


def _ends(comparison: Comparison) -> list[Caveat]:
    made = []
    for kind in ("diverged", "failed", "missing"):
        counts = {v.label: getattr(v.runs, kind) for v in comparison.variants}
        if any(counts.values()):
            some = {label: count for label, count in counts.items() if count}
            made.append(Caveat(kind=kind, counts=some))
    return made


def _tuning(comparison: Comparison) -> list[Caveat]:
    ends = {each.label: each.at_end for each in comparison.tuning if each.at_end}
    return [Caveat(kind="grid_end", values=ends)] if ends else []


def _prices(comparison: Comparison) -> list[Caveat]:
    variants = comparison.variants
    noisy = tuple(v.label for v in variants if v.has_noisy_clock)
    stated = [v for v in variants if not v.has_noisy_clock]
    ratios = {v.label: v.seconds / v.cost for v in stated if v.seconds and v.cost}
    apart = {k: r for k, r in ratios.items() if not 1 / _UNLIKE <= r <= _UNLIKE}
    unexpected = {v.label: v.expected_propagations or 0.0 for v in variants if _is_unexpected(v)}
    made = [Caveat(kind="noisy_clock", variants=noisy)] if noisy else []
    made += [Caveat(kind="price_differs", numbers=apart)] if apart else []
    return made + ([Caveat(kind="unexpected_cost", numbers=unexpected)] if unexpected else [])


def _is_unexpected(variant: Variant) -> bool:
    """Whether the runs cost something else than is expected over these very steps."""
    expected = variant.expected_propagations
    if variant.propagations is None or expected is None:
        return False
    return abs(variant.propagations - expected) > _by_chance(variant, expected)


def _by_chance(variant: Variant, expected: float) -> float:
    """How far the mean cost over the runs may lie from the expected one by its draws."""
    schedule, draws = variant.method.scheduling_function(), variant.draws
    if schedule is None or draws is None or variant.method.options.get("draws") == "systematic":
        return _PART * expected
    mean = schedule.mean_probability(draws.steps)
    ascent = (expected - 1) / mean if mean else variant.method.ascent_fraction
    runs = max(1, variant.runs.finished + variant.runs.diverged)
    deviation = math.sqrt(schedule.variance(draws.steps) / runs)
    return _DEVIATIONS * ascent * deviation + _ROUNDING


def _weights(studied: Mapping[str, BySeed]) -> list[Caveat]:
    """Where first weights differ between variants, which adds to the spread and is no error."""
    odd: dict[int, list[str]] = {}
    for seed in sorted({seed for by_seed in studied.values() for seed in by_seed}):
        values = {k: by[seed].initial_hash for k, by in studied.items() if seed in by}
        known = {label: each for label, each in values.items() if each}
        usual = Counter(known.values()).most_common(1)
        if usual and usual[0][1] < len(known):
            odd[seed] = [label for label, each in known.items() if each != usual[0][0]]
    labels = dict.fromkeys(label for each in odd.values() for label in each)
    return [Caveat(kind="unlike_weights", variants=tuple(labels), seeds=tuple(odd))] if odd else []


def _environments(studied: Mapping[str, BySeed]) -> list[Caveat]:
    every = environments(record for by_seed in studied.values() for record in by_seed.values())
    names = [name for name in Environment.model_fields if name not in ("time", "commit")]
    values = {name: _values(every, name) for name in names}
    unlike = {name: found for name, found in values.items() if len(found) > 1}
    if not unlike:
        return []
    made = [Caveat(kind="environments", values=unlike)]
    mixed = _mixed_seeds(studied) if _NUMERIC & set(unlike) else ()
    return [*made, Caveat(kind="mixed_pairs", seeds=mixed)] if mixed else made


def _values(every: Sequence[Environment], name: str) -> tuple[str, ...]:
    """What an environment's field is in all of them; of versions, those alone that differ."""
    if name != "versions":
        return tuple(dict.fromkeys(str(getattr(each, name)) for each in every))
    packages = sorted({package for each in every for package in each.versions})
    found = {p: dict.fromkeys(e.versions.get(p, "none") for e in every) for p in packages}
    return tuple(f"{p} {version}" for p, some in found.items() if len(some) > 1 for version in some)


def _mixed_seeds(studied: Mapping[str, BySeed]) -> tuple[int, ...]:
    kinds: dict[int, set[str]] = {}
    for records in studied.values():
        for seed, record in records.items():
            if record.environment is not None:
                kind = record.environment.model_dump_json(include=set(_NUMERIC))
                kinds.setdefault(seed, set()).add(kind)
    return tuple(seed for seed in sorted(kinds) if len(kinds[seed]) > 1)


def _key(environment: Environment) -> str:
    return environment.model_dump_json(exclude={"time", "commit"})


def _other_data(
    studied: Mapping[str, BySeed], wanted: Sequence[Run], stored: Iterable[Record]
) -> list[Caveat]:
    """Records that would be of these runs, were they not of data with another fingerprint."""
    used = {record.id for by_seed in studied.values() for record in by_seed.values()}
    own = {run.task.data.fingerprint for run in wanted}
    rest = [r for r in stored if r.run.task.data.fingerprint not in own and r.id not in used]
    if not rest:
        return []
    ids = {_without_fingerprint(run) for run in wanted}
    counts = Counter(
        record.run.task.data.fingerprint or "unknown"
        for record in rest
        if _without_fingerprint(record.run) in ids
    )
    return [Caveat(kind="other_data", counts=dict(counts))] if counts else []


def _without_fingerprint(run: Run) -> str:
    data = run.task.data.model_copy(update={"fingerprint": None})
    task = run.task.model_copy(update={"data": data})
    return run.model_copy(update={"task": task}).id
