"""Where examples come from, by the names of `DataSpec`."""

from pathlib import Path

import torch

from sssam.lab.specs import DataSpec
from sssam.lab.specs.names import nearest
from sssam.lab.tasks import adapter
from sssam.lab.tasks.pools import Pool

#: What the name of a data set on the hub begins with.
HUB = "hub:"

#: Data sets of the hub with a name here; a folder in the hub's layout may stand in their place.
ON_HUB = {"fashion-mnist": "zalando-datasets/fashion_mnist", "cifar10": "uoft-cs/cifar10"}

#: Data that are named by their path.
AT_PATH = ("folder", "table")


def read(spec: DataSpec) -> Pool:
    """All examples of the data that a spec names."""
    if spec.name == "digits":
        return digits()
    if spec.path is not None:
        return adapter.local(spec.path, spec.target)
    return adapter.hub(ON_HUB.get(spec.name, spec.name.removeprefix(HUB)), spec.target)


def digits() -> Pool:
    """1,797 images of 8 x 8 in ten classes, inside scikit-learn; no test set of their own."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = torch.from_numpy(bunch.images).float().div(16).unsqueeze(1)
    labels = torch.from_numpy(bunch.target).long()
    return Pool(labels, images.__getitem__, 10, lambda: [images.numpy().tobytes()])


def check(spec: DataSpec) -> None:
    """Refuses what can't be read, before anything is.

    Raises:
        ValueError: no such data set (with the nearest names), or a path or a target that is missing
            or out of place.
        FileNotFoundError: the path does not exist.
    """
    on_hub, words = spec.name.startswith(HUB), spec.name.removeprefix(HUB).split("/")
    known = ["digits", *ON_HUB, *AT_PATH]
    if on_hub and (len(words) > 3 or not all(words)):
        raise ValueError(f"data {spec.name!r}: write {HUB}ORGANISATION/NAME or {HUB}NAME")
    if not on_hub and spec.name not in known:
        raise ValueError(nearest("data", spec.name, [*known, f"{HUB}ORGANISATION/NAME"]))
    if spec.target is not None and spec.name == "digits":
        raise ValueError(f"data 'digits' takes no target, got {spec.target!r}: leave it out")
    if spec.path is None:
        if spec.name in AT_PATH:
            raise ValueError(f"data {spec.name!r} needs a path: give its file or folder")
    elif on_hub or spec.name == "digits":
        raise ValueError(f"data {spec.name!r} takes no path, got {spec.path!r}: leave it out")
    elif not Path(spec.path).exists():
        raise FileNotFoundError(
            f"data path {spec.path!r} does not exist: give the file or folder of {spec.name!r}"
        )
