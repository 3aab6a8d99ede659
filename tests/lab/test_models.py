import pytest
import torch

from sssam.lab import models
from sssam.lab.specs import ModelSpec

MLP = ModelSpec(name="mlp", widths=(256, 256))


def _weights(model):
    return torch.cat([p.flatten() for p in model.parameters()])


def test_the_mlp_has_the_layers_of_its_widths():
    model = models.build(MLP, (1, 8, 8), 10, seed=0)
    assert [tuple(p.shape) for p in model.parameters() if p.ndim == 2] == [
        (256, 64),
        (256, 256),
        (10, 256),
    ]
    assert model(torch.zeros(3, 1, 8, 8)).shape == (3, 10)


@pytest.mark.parametrize(("name", "parameters"), [("resnet8", 75_290), ("resnet20", 269_722)])
def test_residual_networks_have_the_published_sizes(name, parameters):
    model = models.build(ModelSpec(name=name), (3, 32, 32), 10, seed=0)
    found = sum(p.numel() for p in model.parameters())
    assert found == parameters
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_a_residual_network_takes_its_width_and_any_image():
    model = models.build(ModelSpec(name="resnet8", widths=(4,)), (1, 8, 8), 3, seed=0)
    assert model(torch.zeros(2, 1, 8, 8)).shape == (2, 3)
    assert model.head.in_features == 16


def test_equal_seeds_give_equal_weights_whatever_the_global_generator():
    torch.manual_seed(1)
    one = _weights(models.build(MLP, (1, 8, 8), 10, seed=0))
    torch.manual_seed(2)
    before = torch.get_rng_state()
    two = _weights(models.build(MLP, (1, 8, 8), 10, seed=0))
    assert torch.equal(one, two)
    assert torch.equal(before, torch.get_rng_state())
    assert not torch.equal(one, _weights(models.build(MLP, (1, 8, 8), 10, seed=1)))


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (ModelSpec(name="mpl"), "unknown model 'mpl': did you mean 'mlp'"),
        (ModelSpec(name="resnet18"), "'resnet18': the depth must be 8, 14, 20"),
        (ModelSpec(name="resnet8", widths=(4, 8)), r"one width at most, got \(4, 8\)"),
    ],
)
def test_models_that_do_not_exist(spec, text):
    with pytest.raises(ValueError, match=text):
        models.check(spec)
