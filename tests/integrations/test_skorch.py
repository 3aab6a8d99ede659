"""A skorch estimator: its steps, its gradient callbacks, and scikit-learn's tools around it."""

import pickle
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import sssam
from sssam.schedules import constant
from tests.integrations import by_hand

skorch = pytest.importorskip("skorch", reason="skorch is not installed")
from skorch.callbacks import GradientNormClipping  # noqa: E402

from sssam.integrations.skorch import (  # noqa: E402
    SharpnessAwareClassifier,
    SharpnessAwareRegressor,
)


class Net(nn.Sequential):
    """A small network with all that a pass moves."""

    def __init__(self, outputs: int = 3) -> None:
        torch.manual_seed(1)
        super().__init__(
            nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, outputs)
        )


def sharpness(base: Any, module: nn.Module) -> sssam.SharpnessAware:
    """SS-SAM with a mix, every second step."""
    half = constant(0.5)
    return sssam.SSSAM(base, schedule=half, total_steps=20, rho=0.1, mix=0.4, model=module)


def momentum(base: Any, module: nn.Module) -> sssam.SharpnessAware:
    """A method that moves before the first pass."""
    return sssam.MSAM(base, model=module)


def _data() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    return generator.normal(size=(40, 5)).astype("float32"), generator.integers(3, size=40)


def _net(kind: Any = SharpnessAwareClassifier, **more: Any) -> Any:
    settings = {
        "criterion": nn.CrossEntropyLoss,
        "max_epochs": 2,
        "batch_size": 4,
        "lr": 0.1,
        "optimizer__momentum": 0.9,
        "train_split": None,
        "verbose": 0,
        "sharpness": sharpness,
        **more,
    }
    return kind(Net, **settings)


@pytest.mark.parametrize("part", [1.0, 0.5])
def test_it_equals_a_loop_by_hand(part: float) -> None:
    """skorch's own clipping callback acts once, on the mix."""

    def half(base: Any, module: nn.Module) -> sssam.SharpnessAware:
        more: dict[str, Any] = {"rho": 0.1, "mix": 0.4, "model": module, "ascent_fraction": part}
        return sssam.SSSAM(base, schedule=constant(0.5), total_steps=20, **more)

    x, y = _data()
    net = _net(sharpness=half, callbacks=[GradientNormClipping(0.2)])
    net.initialize()
    torch.manual_seed(5)
    net.partial_fit(x, y)

    model = Net()
    base = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    draws = sssam.Draws(constant(0.5), 20, seed=0)
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y)
    torch.manual_seed(5)
    for t in range(20):
        if t % 10 == 0:
            torch.empty((), dtype=torch.int64).random_()  # a DataLoader's own draw, each epoch

        def loss(n: int, first: int = t % 10 * 4) -> torch.Tensor:
            return cross_entropy(model(inputs[first : first + n]), targets[first : first + n])

        ascent = [partial(loss, 2)] if part < 1 else None
        how: dict[str, Any] = {"sharp": draws(t), "rho": 0.1, "mix": 0.4, "clip": 0.2}
        by_hand.step(model, base, [partial(loss, 4)], ascent=ascent, **how)
    by_hand.close(net.module_, model)
    assert net.optimizer_.ascents == sum(draws(t) for t in range(20))
    assert net.optimizer_.counters.forwards == 20 + part * net.optimizer_.ascents


def test_without_ascents_it_is_skorch_to_the_bit() -> None:
    x, y = _data()

    def never(base: Any, module: nn.Module) -> sssam.SharpnessAware:
        return sssam.SSSAM(base, schedule=constant(0), total_steps=20, model=module)

    nets = []
    for own in ({"sharpness": never}, {}):
        kind = SharpnessAwareClassifier if own else skorch.NeuralNetClassifier
        settings = {**own, "iterator_train__shuffle": True}
        net = _net(kind, **settings) if own else _plain(**settings)
        torch.manual_seed(5)
        nets.append(net.fit(x, y))
    by_hand.equal(nets[0].module_, nets[1].module_)
    assert nets[0].history[:, "train_loss"] == nets[1].history[:, "train_loss"]


def _plain(**more: Any) -> Any:
    settings = {"max_epochs": 2, "batch_size": 4, "lr": 0.1, "optimizer__momentum": 0.9, **more}
    criterion = nn.CrossEntropyLoss
    return skorch.NeuralNetClassifier(
        Net, criterion=criterion, train_split=None, verbose=0, **settings
    )


def test_scikit_learn_clones_searches_and_pickles_it() -> None:
    from sklearn.base import clone
    from sklearn.model_selection import GridSearchCV, cross_val_score

    x, y = _data()
    scores = [cross_val_score(_net(), x, y, cv=2) for _ in range(2)]
    assert len(scores[0]) == 2
    assert clone(_net()).get_params()["sharpness"] is sharpness
    search = GridSearchCV(_net(), {"lr": [0.1, 0.01], "sharpness": [sharpness, momentum]}, cv=2)
    best = search.fit(x, y).best_estimator_
    again = pickle.loads(pickle.dumps(best))
    assert (again.predict(x) == best.predict(x)).all()
    assert again.optimizer_.steps == best.optimizer_.steps == 20


def test_a_method_that_moves_before_the_first_pass() -> None:
    net = _net(sharpness=momentum).fit(*_data())
    assert (net.optimizer_.steps, net.optimizer_.counters.forwards) == (20, 20)


def test_a_regressor() -> None:
    x, _ = _data()
    net = _net(SharpnessAwareRegressor, criterion=nn.MSELoss, module__outputs=1, lr=0.01)
    net.fit(x, x[:, :1] * 2)
    assert net.history[-1, "train_loss"] < net.history[0, "train_loss"]
    assert net.optimizer_.ascents > 0


def test_several_optimizers_are_refused_at_the_first_step() -> None:
    class Two(SharpnessAwareClassifier):
        def initialize_optimizer(self, *args: Any, **kwargs: Any) -> Any:
            super().initialize_optimizer(*args, **kwargs)
            self.other_ = torch.optim.SGD(self.module_.parameters(), lr=0.1)
            return self

    with pytest.raises(ValueError, match="2 optimizers: the second pass would double"):
        _net(Two).fit(*_data())


def test_accelerate_s_proxy_is_refused_at_the_first_step() -> None:
    accelerate = pytest.importorskip("accelerate", reason="accelerate is not installed")
    from skorch.hf import AccelerateMixin

    class Prepared(AccelerateMixin, SharpnessAwareClassifier):
        pass

    with pytest.raises(TypeError, match="optimizer_ is a AcceleratedOptimizer, not what sharpness"):
        _net(Prepared, accelerator=accelerate.Accelerator(cpu=True)).fit(*_data())


def test_an_interrupt_which_skorch_takes_for_the_end_leaves_w() -> None:
    """Amid the pass at w + e of the second step."""
    seen: list[torch.Tensor] = []

    class Interrupted(nn.CrossEntropyLoss):
        def forward(self, *args: Any) -> Any:
            seen.append(nn.utils.parameters_to_vector(net.module_.parameters()).detach())
            if len(seen) == 4:
                raise KeyboardInterrupt
            return super().forward(*args)

    def sam(base: Any, module: nn.Module) -> sssam.SharpnessAware:
        return sssam.SAM(base, model=module)

    net = _net(sharpness=sam, criterion=Interrupted)
    net.fit(*_data())
    left = nn.utils.parameters_to_vector(net.module_.parameters()).detach()
    assert torch.equal(left, seen[2])
    assert not torch.equal(left, seen[3])
