import torch

from sssam.lab.training import loop


def test_the_order_is_a_function_of_seed_and_epoch_and_visits_every_example():
    one, same, other, next_one = (loop.order(50, *key) for key in ((0, 0), (0, 0), (1, 0), (0, 1)))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert not torch.equal(one, next_one)
    assert sorted(one.tolist()) == list(range(50))
