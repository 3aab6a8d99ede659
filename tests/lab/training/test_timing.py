"""Seconds of a mean step, on a made-up clock on which a pass takes a second."""

import pytest
from tiny import BASE, LONG, LOOKSAM, PART, SAM, TASK, run

from sssam.lab.specs import Method, ModelSpec
from sssam.lab.training import blocks, timing
from sssam.lab.training.train import train
from sssam.schedules import late

LATE = Method(label="late", kind="sssam", rho=0.1, schedule=late(0.5).to_dict())
CHEAP = LATE.model_copy(update={"label": "1/8", "options": {"ascent_fraction": 1 / 8}})
EMA = BASE.model_copy(update={"label": "EMA", "average": "ema"})
SWA = CHEAP.model_copy(update={"label": "SWA", "average": "swa"})
EARLY = EMA.model_copy(update={"label": "early", "patience": 2})
NORMED = TASK.model_copy(update={"model": ModelSpec(name="resnet8", widths=(2,)), "epochs": 10})


def _update(stretch):
    """Half a second where an average of the weights is gathered."""
    return 0.5 * (stretch.training.average is not None and not stretch.refresh)


@pytest.fixture
def clock(monkeypatch):
    """A second a pass, half of one an update of an average; gives how much was timed."""
    kinds = []
    monkeypatch.setattr(timing, "quickest", lambda _: timing.TARGET / 2.5)

    def timed(stretches, *_, **__):
        kinds.append(len(stretches))
        for stretch in stretches.values():
            stretch()
        seconds = {i: s.steps * (s.passes + _update(s)) for i, s in stretches.items()}
        return {i: [each] * 8 for i, each in seconds.items()}

    monkeypatch.setattr(blocks, "timed", timed)
    return kinds


def test_a_mean_step_is_of_the_whole_run(clock):
    variants = (BASE, LONG, SAM, LATE, CHEAP, PART, LOOKSAM, EMA, SWA, EARLY)
    found = {each.run.method.label: each for each in timing.measure(NORMED, variants)}
    expected = {"base": 1, "base 2x steps": 1, "SAM": 2, "late": 1.5, "1/8": 1.0625}
    expected |= {"SAM 1/8 ascent": 1.125, "LookSAM": 1.5, "EMA": 1 + 1 / 30, "early": 4 / 3}
    expected["SWA"] = 1.0625 + 1 / 30
    assert {name: each.passes for name, each in found.items()} == pytest.approx(expected)
    expected |= {"EMA": 1.5 + 1 / 30, "early": 1.5 + 1 / 3, "SWA": 1.0625 + 1 / 30 + 0.5 / 4}
    assert {name: each.timing.ratio for name, each in found.items()} == pytest.approx(expected)
    assert found["SAM"].timing.seconds == 2 * found["SAM"].timing.base_seconds == 2
    assert (found["LookSAM"].timing.blocks, found["LookSAM"].timing.steps) == (8, 3)


def test_passes_are_those_of_the_records(clock):
    variants = (SAM, CHEAP, EMA, SWA)
    for each in timing.measure(NORMED, variants):
        asked = each.run.method.model_copy(update={"schedule": each.run.method.schedule})
        assert train(run(asked, task=NORMED)).propagations == pytest.approx(each.passes)


def test_variants_whose_steps_are_alike_share_their_blocks(clock):
    radii = [SAM.model_copy(update={"rho": rho, "learning_rate": rho}) for rho in (0.1, 0.2)]
    found = timing.measure(TASK, [BASE, LONG, *radii, LATE, CHEAP])
    assert clock == [1 + 1 + 1 + 2 + 1 + 1]  # base twice, SAM, late, and two of the cheap one
    assert [each.run.method.label for each in found][-1] == "1/8"


def test_blocks_hold_whole_periods_and_many_steps_where_the_gradients_decide(monkeypatch):
    """Or else the median would be of the steps that are cheap."""
    monkeypatch.setattr(timing, "quickest", lambda _: 2 * timing.TARGET)
    steps = []

    def timed(stretches, *_, **__):
        for stretch in stretches.values():
            stretch()
            steps.append(stretch.steps)
        return {i: [1.0] * 8 for i in stretches}

    monkeypatch.setattr(blocks, "timed", timed)
    ire = Method(label="IRE", kind="ire", options={"every": 7})
    aesam, sala = (Method(label=kind, kind=kind, rho=0.1) for kind in ("aesam", "sala"))
    timing.measure(TASK, [SAM, LOOKSAM, ire, aesam, sala])
    assert steps == [1, 1, LOOKSAM.options["k"], 7, 20, 20]


def test_the_ratio_is_of_blocks_of_the_same_round(monkeypatch):
    drift = [1.0, 2, 4, 8, 16, 32, 64]
    times = {0: drift, 1: [3 * each for each in drift]}
    monkeypatch.setattr(timing, "quickest", lambda _: 2 * timing.TARGET)
    monkeypatch.setattr(
        blocks, "timed", lambda stretches, *_, **__: [s() for s in stretches.values()] and times
    )
    (found,) = timing.measure(TASK, [SAM])
    assert (found.timing.low, found.timing.ratio, found.timing.high) == (3, 3, 3)
    assert found.timing.steady
    assert found.timing.environment.threads == 1


def test_blocks_come_in_turn_and_the_first_round_is_dropped():
    ticks = iter(range(1000))
    called = []
    kinds = {"a": lambda: called.append("a"), "b": lambda: called.extend(("b", next(ticks)))}
    ticking = {"clock": lambda: float(next(ticks))}
    assert blocks.timed(kinds, 3, **ticking) == {"a": [1, 1, 1], "b": [2, 2, 2]}
    assert [c for c in called if isinstance(c, str)] == list("baabbaab")
    assert blocks.timed(kinds, 9, lambda done: done == 2, **ticking) == {"a": [1, 1], "b": [2, 2]}


def test_the_median_s_interval_is_of_order_statistics():
    """Of 25 values the eighth from each end: 95.7% coverage, by the binomial distribution."""
    found = blocks.median([float(x) for x in range(25, 0, -1)])
    assert found == (13.0, 8.0, 18.0, (6.5, 19.5))


def test_a_few_real_steps():
    found = timing.measure(TASK, [BASE, LATE], seconds=0)
    assert all(each.timing.low <= each.timing.ratio <= each.timing.high for each in found)
    assert [each.timing.blocks for each in found] == [timing.LEAST] * 2
