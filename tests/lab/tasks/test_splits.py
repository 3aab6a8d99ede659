"""A `DataSpec` and a seed make one split, whatever the source."""

import pytest
import torch
from sklearn.datasets import load_digits

from sssam.lab.specs import DataSpec
from sssam.lab.tasks import pools
from sssam.lab.tasks import splits as data
from sssam.lab.tasks.examples import fingerprint

NOISY = DataSpec(name="digits", train=1000, validation=200, test=597, label_noise=0.4)


def _hash(split):
    return fingerprint([split.train, split.validation, split.test])


def test_digits_split_has_the_sizes_of_the_task_and_no_example_twice():
    split = data.load(NOISY, seed=0)
    assert [len(part) for part in split[:3]] == [1000, 200, 597]
    assert split.form == ((1, 8, 8), 10)
    everything = torch.cat([part.inputs.flatten(1) for part in split[:3]])
    expected = torch.from_numpy(load_digits().data).float() / 16
    assert sorted(everything.tolist()) == sorted(expected.tolist())


def test_a_test_set_that_is_cut_first_is_the_same_for_every_seed_and_seen_by_none():
    spec = NOISY.model_copy(update={"test": 500})
    splits = [data.load(spec, seed) for seed in range(3)]
    assert [len(part) for part in splits[0][:3]] == [1000, 200, 500]
    for split in splits[1:]:
        assert torch.equal(split.test.inputs, splits[0].test.inputs)
        assert not torch.equal(split.validation.inputs, splits[0].validation.inputs)
    test = {tuple(image) for image in splits[0].test.inputs.flatten(1).tolist()}
    seen = [image for split in splits for part in split[:2] for image in part.inputs]
    assert not test & {tuple(image.flatten().tolist()) for image in seen}
    everything = torch.cat([part.inputs.flatten(1) for part in splits[0][:3]])
    assert len({tuple(image) for image in everything.tolist()}) == 1700


def test_equal_seeds_give_equal_splits_and_others_other_ones():
    same, other = data.load(NOISY, seed=3), data.load(NOISY, seed=4)
    assert _hash(data.load(NOISY, seed=3)) == _hash(same)
    assert _hash(same) != _hash(other)


def test_noise_redraws_a_share_of_training_labels_and_no_others():
    clean, noisy = data.load(NOISY.model_copy(update={"label_noise": 0.0}), 0), data.load(NOISY, 0)
    assert torch.equal(clean.train.inputs, noisy.train.inputs)
    wrong = (clean.train.targets != noisy.train.targets).double().mean().item()
    assert wrong == pytest.approx(0.4 * 0.9, abs=4 * (0.36 * 0.64 / 1000) ** 0.5)
    assert torch.equal(clean.validation.targets, noisy.validation.targets)
    assert torch.equal(clean.test.targets, noisy.test.targets)


def test_all_labels_redrawn_are_uniform_over_the_classes():
    split = data.load(NOISY.model_copy(update={"label_noise": 1.0}), 0)
    counts = split.train.targets.bincount(minlength=10).double()
    assert ((counts - 100) ** 2 / 100).sum() < 27.9  # chi-square, 9 degrees of freedom, p = 0.001


def test_the_global_generator_is_neither_read_nor_moved():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = _hash(data.load(NOISY, 0))
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    assert _hash(data.load(NOISY, 0)) == one


def test_the_fingerprint_is_of_every_label_and_image(tmp_path):
    labels, images = torch.arange(4), torch.rand(4, 1, 2, 2)
    kept = {"labels": labels, "images": images}
    other = {"labels": torch.tensor([0, 1, 2, 2])}, {"images": images + torch.eye(2)}
    found = [_content_of(kept | change) for change in ({}, {}, *other)]
    assert found[0] == found[1]
    assert len(set(found)) == 3


def _content_of(kept):
    rows = [image.numpy().tobytes() for image in kept["images"]]
    return pools.ExamplePool(kept["labels"], kept["images"].__getitem__, 4, lambda: rows).content


def test_sizes_by_default_use_every_example():
    split = data.load(DataSpec(name="digits"), 0)
    assert [len(part) for part in split[:3]] == [1259, 179, 359]


@pytest.mark.parametrize(
    ("name", "hint"),
    [("digit", "'digits'"), ("cifar-10", "'cifar10'"), ("qqqq", "known are cifar")],
)
def test_an_unknown_name_gives_the_nearest_ones(name, hint):
    with pytest.raises(ValueError, match=f"unknown data '{name}'.*{hint}"):
        data.check(DataSpec(name=name))


def test_a_path_that_does_not_exist_is_named_with_the_remedy(tmp_path):
    spec = DataSpec(name="cifar10", path=str(tmp_path / "absent"))
    with pytest.raises(FileNotFoundError, match=r"absent' does not exist: give the file or folder"):
        data.load(spec, 0)


def test_a_path_where_none_is_taken_and_none_where_one_is_needed():
    with pytest.raises(ValueError, match=r"'digits' takes no path, got '/x': leave it out"):
        data.check(DataSpec(name="digits", path="/x"))
    with pytest.raises(ValueError, match=r"'folder' needs a path: give its file or folder"):
        data.check(DataSpec(name="folder"))


def test_more_examples_than_there_are():
    with pytest.raises(ValueError, match=r"has 1438 examples .* got train=1300 and validation=200"):
        data.load(DataSpec(name="digits", train=1300, validation=200), 0)
    with pytest.raises(ValueError, match=r"has 797 examples .* got train=700 and validation=200"):
        data.load(DataSpec(name="digits", train=700, validation=200, test=1000), 0)
