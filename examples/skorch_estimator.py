"""skorch: SS-SAM in scikit-learn's cross-validation."""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_validate
from torch import nn
from torch.optim import Optimizer

import sssam
from sssam.integrations.skorch import SharpnessAwareClassifier


class Net(nn.Sequential):
    """A small network with batch norm."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10))


def sharpness(base: Optimizer, module: nn.Module) -> sssam.SharpnessAware:
    """SS-SAM over 10 epochs of 19 batches: two thirds of the digits, 64 a batch."""
    ramp = sssam.schedules.linear(0, 1)
    return sssam.SSSAM(base, schedule=ramp, total_steps=190, model=module)


torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
estimator = SharpnessAwareClassifier(
    Net,
    sharpness=sharpness,
    criterion=nn.CrossEntropyLoss,
    max_epochs=10,
    lr=0.05,
    optimizer__momentum=0.9,
    batch_size=64,
    iterator_train__shuffle=True,
    train_split=None,
    verbose=0,
)
found = cross_validate(estimator, (x / 16).astype("float32"), y, cv=3, return_estimator=True)
spent = found["estimator"][0].optimizer_.propagations
print(f"accuracy {found['test_score'].mean():.3f}, {spent:.2f} propagations a step")
