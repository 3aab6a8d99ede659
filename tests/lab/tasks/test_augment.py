import torch

from sssam.lab.tasks import augment


def test_augmentation_is_a_shift_and_a_flip():
    images = torch.arange(2.0 * 1 * 8 * 8).reshape(2, 1, 8, 8)
    shifts = torch.tensor([[4, 4], [5, 4]])
    drawn = augment.Augmentation(shifts, torch.tensor([True, False]), 4)
    changed = drawn(images, torch.arange(2))
    assert torch.equal(changed[0], images[0].flip(2))
    assert torch.equal(changed[1, :, :7], images[1, :, 1:])
    assert not changed[1, :, 7].any()
    assert torch.equal(drawn(images[1:], torch.tensor([1])), changed[1:])


def test_augmentation_is_a_function_of_seed_and_epoch():
    images = torch.zeros(2, 1, 32, 32)
    one, same, other = (
        augment.draw("shifts and flips", 200, images, 0, epoch) for epoch in (0, 0, 1)
    )
    assert torch.equal(one.shifts, same.shifts)
    assert torch.equal(one.flips, same.flips)
    assert not torch.equal(one.shifts, other.shifts)
    assert one.shifts.unique().tolist() == list(range(9))
    assert 50 < one.flips.sum() < 150


def test_shifts_alone_flip_nothing_and_are_an_eighth_of_the_side():
    images = torch.arange(64.0).reshape(1, 1, 8, 8).expand(50, 1, 8, 8) + 1
    drawn = augment.draw("shifts", 50, images, 0, 0)
    assert not drawn.flips.any()
    assert drawn.shifts.unique().tolist() == [0, 1, 2]
    changed = drawn(images, torch.arange(50))
    for each, (down, right) in zip(changed, drawn.shifts.tolist(), strict=True):
        assert torch.equal(each[0, 1:-1, 1:-1], images[0, 0, down : down + 6, right : right + 6])
