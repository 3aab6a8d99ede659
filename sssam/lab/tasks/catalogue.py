"""The tasks that have a name, and the recipes for data that are named by a path or on the hub."""

from collections.abc import Mapping
from typing import Any

from sssam.lab.specs import DataSpec, ModelSpec, Task

_MLP = ModelSpec(name="mlp", widths=(256, 256))

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            name="noisy-digits",
            data=DataSpec(name="digits", train=800, validation=400, test=597, label_noise=0.4),
            model=_MLP,
            epochs=20,
        ),
        Task(
            name="digits",
            data=DataSpec(name="digits", train=1000, validation=200, test=597),
            model=_MLP,
            margin=0.5,
        ),
        Task(  # a network whose passes cost more than what surrounds them
            name="digits-few",
            data=DataSpec(name="digits", train=200, validation=800, test=797),
            model=ModelSpec(name="cnn", widths=(32, 64, 64)),
            epochs=100,
            batch_size=200,
            learning_rate=0.8,
            augment="shifts",
            margin=0.5,
        ),
        *(
            Task(
                name=name,
                data=DataSpec(name="fashion-mnist", train=10_000, validation=2000, label_noise=p),
                model=_MLP,
                epochs=20,
                batch_size=128,
            )
            for name, p in (("fashion-mnist", 0.0), ("noisy-fashion-mnist", 0.4))
        ),
        Task(
            name="cifar10",
            data=DataSpec(name="cifar10", train=5000, validation=1000),
            model=ModelSpec(name="resnet8"),
            epochs=20,
            batch_size=128,
            learning_rate=0.2,
            augment="shifts and flips",
        ),
    )
}

#: What is trained on data that are named by a path or on the hub, by their kind.
RECIPES: Mapping[str, Mapping[str, Any]] = {
    "features": {"model": ModelSpec(name="mlp", widths=(128, 128)), "learning_rate": 0.05},
    "images": {"model": ModelSpec(name="resnet20"), "epochs": 20, "batch_size": 128},
}
