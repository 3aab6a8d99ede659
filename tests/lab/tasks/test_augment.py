import torch

from sssam.lab.tasks import augment


def test_augmentation_is_a_shift_and_a_flip():
    images = torch.arange(2.0 * 1 * 8 * 8).reshape(2, 1, 8, 8)
    offsets = torch.tensor([[4, 4], [5, 4]])
    drawn = augment.Augmentation(offsets, torch.tensor([True, False]))
    changed = drawn(images, torch.arange(2))
    assert torch.equal(changed[0], images[0].flip(2))
    assert torch.equal(changed[1, :, :7], images[1, :, 1:])
    assert not changed[1, :, 7].any()
    assert torch.equal(drawn(images[1:], torch.tensor([1])), changed[1:])


def test_augmentation_is_a_function_of_seed_and_epoch():
    device = torch.device("cpu")
    one, same, other = (augment.draw(50, 0, epoch, device) for epoch in (0, 0, 1))
    assert torch.equal(one.offsets, same.offsets)
    assert not torch.equal(one.offsets, other.offsets)
    assert one.offsets.unique().tolist() == list(range(9))
