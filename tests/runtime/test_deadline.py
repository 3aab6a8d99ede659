"""`sssam.Deadline` and `optimizer.progress`: by the clock, resumed, replayed, in every form."""

import copy
import io
import pickle
from typing import Any

import pytest
import torch
from torch import nn

import sssam
from sssam.schedules import late, linear

W = nn.Parameter


class Fake:
    """A clock that stands until it is moved; each step takes a quarter of a second."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def _build(
    clock: Fake | None, w: torch.Tensor | None = None, seconds: float = 5.0, **more: Any
) -> Any:
    start = torch.tensor([1.0, -0.5, 0.3], dtype=torch.float64) if w is None else w
    base = torch.optim.SGD([W(start.clone())], lr=0.05, momentum=0.9)
    own = {} if clock is None else {"progress": sssam.Deadline(seconds, clock=clock)}
    settings = {"schedule": linear(0.1, 0.9), "rho": 0.1, "seed": 2, "model": False}
    return sssam.SSSAM(base, **{**settings, **own, **more})


def _weights(optimizer: Any) -> torch.Tensor:
    return optimizer.param_groups[0]["params"][0].detach()


def _loss(optimizer: Any) -> torch.Tensor:
    [w] = optimizer.param_groups[0]["params"]
    return (w**4 - w**2).sum() + w.prod()


def _step(optimizer: Any, form: str = "passes") -> None:
    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = _loss(optimizer)
        loss.backward()
        return loss

    if form == "closure":
        optimizer.step(closure)
    elif form == "two lines":
        _loss(optimizer).backward()
        if optimizer.ascend():
            _loss(optimizer).backward()
        optimizer.step()
        optimizer.zero_grad()
    else:
        for p in optimizer.passes(torch.ones(2)):
            p.backward(_loss(optimizer))
        optimizer.step()


def _run(optimizer: Any, clock: Fake, steps: int, form: str = "passes") -> list[float]:
    seen = []
    for _ in range(steps):
        seen.append(optimizer.progress)
        clock.now += 0.25
        _step(optimizer, form)
    return seen


@pytest.mark.filterwarnings("ignore:sssam. more steps are taken")  # by the run that counts
@pytest.mark.parametrize("form", ["closure", "two lines", "passes"])
def test_the_schedule_is_a_function_of_elapsed_time_in_every_form(form: str) -> None:
    optimizer, clock = _build(Fake(100.0)), Fake()
    optimizer = _build(clock)
    seen = _run(optimizer, clock, 24, form)
    assert seen == [min(t / 20, 1.0) for t in range(24)]
    draws = sssam.Draws(linear(0.1, 0.9), seed=2)
    assert optimizer.ascents == sum(draws(t, u) for t, u in enumerate(seen))
    assert 8 < optimizer.ascents < 18
    counted = _build(None, total_steps=20)
    _run(counted, clock, 24, form)
    assert torch.equal(_weights(optimizer), _weights(counted))


def test_a_late_block_comes_in_time_however_slow_the_steps() -> None:
    clock = Fake()
    optimizer = _build(clock, schedule=late(0.25))
    acts = []
    for pause in [0.1] * 10 + [1.5, 1.25, 0.0, 0.5, 3.0, 0.0]:
        acts.append(optimizer.will_ascend)
        clock.now += pause
        _step(optimizer)
    assert acts == [False] * 12 + [True] * 4


def test_to_repeat_a_run_one_sets_the_progress_that_was_logged() -> None:
    clock = Fake()
    first = _build(clock)
    seen = []
    for t in range(24):
        seen.append(first.progress)
        clock.now += 0.1 * (t % 7)
        _step(first)
    again = _build(None)
    for u in seen:
        again.progress = u
        _step(again)
    assert again.ascents == first.ascents
    assert torch.equal(_weights(again), _weights(first))


@pytest.mark.parametrize("cut", [1, 9, 22])
def test_a_run_resumed_in_another_session_equals_the_uncut_one(cut: int) -> None:
    clock = Fake()
    uncut = _build(clock)
    _run(uncut, clock, 26)

    clock = Fake(7.0)
    optimizer = _build(clock)
    seen = _run(optimizer, clock, cut)
    clock.now += 100.0  # after its last step, and before the next session
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    clock = Fake(5000.0)
    optimizer = _build(clock, _weights(optimizer))
    optimizer.load_state_dict(torch.load(file, weights_only=True))
    optimizer.load_state_dict(optimizer.state_dict())  # as Accelerate's prepare does
    seen += _run(optimizer, clock, 26 - cut)
    assert seen == [min(t / 20, 1.0) for t in range(26)]
    assert optimizer.ascents == uncut.ascents
    assert torch.equal(_weights(optimizer), _weights(uncut))


def test_what_a_session_does_before_it_loads_is_counted() -> None:
    clock = Fake()
    optimizer = _build(clock)
    _run(optimizer, clock, 4)
    saved = optimizer.state_dict()
    clock = Fake()
    later = _build(clock)
    clock.now = 2.0
    later.load_state_dict(saved)
    assert _run(later, clock, 2) == [0.2, 0.65]


def test_a_checkpoint_of_this_session_brings_no_time_back() -> None:
    clock = Fake()
    optimizer = _build(clock)
    saved, seen = optimizer.state_dict(), _run(optimizer, clock, 5)
    optimizer.load_state_dict(saved)
    seen += _run(optimizer, clock, 2)
    assert seen == [0.0, 0.05, 0.1, 0.15, 0.2, 0.0, 0.3]


def test_another_deadline_goes_on_with_the_same_time_and_a_word() -> None:
    clock = Fake()
    optimizer = _build(clock)
    _run(optimizer, clock, 10)
    longer = _build(Fake(), seconds=10.0)
    said = r"saved under Deadline\(5\.0\).*goes on with Deadline\(10\.0\).*progress.*0\.25"
    with pytest.warns(UserWarning, match=said):
        longer.load_state_dict(optimizer.state_dict())
    assert longer.progress == 0.25


def test_a_checkpoint_that_counted_otherwise() -> None:
    clock = Fake()
    by_clock, by_loop = _build(clock), _build(None, progress=0.4)
    _run(by_clock, clock, 10)
    _step(by_loop)
    for optimizer, expected in ((_build(Fake()), 0.4), (_build(None), 0.4)):
        optimizer.load_state_dict(by_loop.state_dict())
        assert optimizer.progress == expected
    free, counted = _build(None), _build(None, total_steps=40)
    free.load_state_dict(by_clock.state_dict())
    assert free.progress is None
    with pytest.raises(ValueError, match=r"set optimizer\.progress = u"):
        _step(free)
    with pytest.warns(UserWarning, match="total_steps=None.*total_steps=40"):
        counted.load_state_dict(by_clock.state_dict())
    assert counted.progress == 0.25
    _step(counted)
    assert "elapsed" not in counted.state_dict()["param_groups"][0]["sssam.numbers"]


def test_a_copy_has_a_clock_of_its_own_that_goes_on() -> None:
    clock = Fake(50.0)
    optimizer = _build(clock)
    _run(optimizer, clock, 4)
    for twin in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        own = twin._training.progress.clock._clock
        assert _run(twin, own, 3) == [0.2, 0.25, 0.3]
    assert optimizer.progress == 0.2


def test_a_clock_can_be_assigned_and_excludes_numbers() -> None:
    clock = Fake()
    optimizer = _build(None)
    optimizer.progress = sssam.Deadline(1.0, clock=clock)
    assert _run(optimizer, clock, 3) == [0.0, 0.25, 0.5]
    with pytest.raises(ValueError, match=r"read off Deadline\(1\.0\).*set to 0\.9.*without it"):
        optimizer.progress = 0.9


def test_a_method_without_a_schedule_has_no_progress_to_set() -> None:
    optimizer = sssam.SAM(torch.optim.SGD([W(torch.ones(2))], lr=0.1), model=False)
    assert optimizer.progress is None
    with pytest.raises(TypeError, match=r"progress=0\.5.*no schedule.*sssam\.SSSAM"):
        optimizer.progress = 0.5


def test_costs_are_not_known_beforehand_and_no_step_is_too_many() -> None:
    optimizer = _build(None, total_steps=2)
    assert optimizer.expected_propagations == 1.3
    for t in range(5):
        optimizer.progress = t / 5
        _step(optimizer)
    with pytest.raises(RuntimeError, match=r"not known.*optimizer\.propagations while"):
        optimizer.expected_propagations  # noqa: B018
    with pytest.raises(RuntimeError, match=r"not known.*optimizer\.propagations while"):
        _build(Fake()).critical_propagations  # noqa: B018


@pytest.mark.parametrize(
    ("seconds", "error"), [(0, ValueError), (-1.0, ValueError), ("1 h", TypeError)]
)
def test_seconds_are_above_0(seconds: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"seconds must be .*{seconds!r}"):
        sssam.Deadline(seconds)
