import pytest
import torch

from sssam.lab.specs import ModelSpec
from sssam.lab.tasks import models
from sssam.lab.tasks.models import Form

MLP = ModelSpec(name="mlp", widths=(256, 256))


def _weights(model):
    return torch.cat([p.flatten() for p in model.parameters()])


def test_the_mlp_has_the_layers_of_its_widths():
    model = models.build(MLP, Form((1, 8, 8), 10), seed=0)
    assert [tuple(p.shape) for p in model.parameters() if p.ndim == 2] == [
        (256, 64),
        (256, 256),
        (10, 256),
    ]
    assert model(torch.zeros(3, 1, 8, 8)).shape == (3, 10)


def test_a_convolutional_network_halves_its_images_where_its_width_grows():
    spec = ModelSpec(name="cnn", widths=(8, 16, 16))
    model = models.build(spec, Form((3, 32, 32), 10), seed=0)
    assert _count(model) == 9 * (3 * 8 + 8 * 16 + 16 * 16) + 2 * (8 + 16 + 16) + 17 * 10
    assert model[:9](torch.zeros(2, 3, 32, 32)).shape == (2, 16, 16, 16)
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize(("name", "parameters"), [("resnet8", 75_290), ("resnet20", 269_722)])
def test_residual_networks_have_the_published_sizes(name, parameters):
    model = models.build(ModelSpec(name=name), Form((3, 32, 32), 10), seed=0)
    assert _count(model) == parameters
    assert model.eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 10)


def _count(model):
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", ["mlp", "cnn", "resnet8"])
def test_every_model_s_weights_are_a_function_of_its_seed(name):
    form = Form((3, 8, 8), 4)
    torch.manual_seed(7)
    before = torch.get_rng_state()
    built = [models.build(ModelSpec(name=name), form, seed) for seed in (0, 0, 1)]
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(_weights(built[0]), _weights(built[1]))
    assert not torch.equal(_weights(built[0]), _weights(built[2]))


def test_a_residual_network_takes_its_width_and_any_image():
    model = models.build(ModelSpec(name="resnet8", widths=(4,)), Form((1, 8, 8), 3), seed=0)
    assert model(torch.zeros(2, 1, 8, 8)).shape == (2, 3)
    assert model.head.in_features == 16


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (ModelSpec(name="mpl"), "unknown model 'mpl': did you mean 'mlp'"),
        (ModelSpec(name="resnet18"), "unknown model 'resnet18': did you mean 'resnet"),
        (ModelSpec(name="resnet8", widths=(4, 8)), r"takes one width at most, got \(4, 8\)"),
        (ModelSpec(name="bert"), "unknown model 'bert'.*any other model goes into a task file"),
    ],
)
def test_models_that_do_not_exist(spec, text):
    with pytest.raises(ValueError, match=text):
        models.check(spec)


def test_inputs_that_do_not_fit():
    with pytest.raises(ValueError, match=r"takes images, the data have features of shape \(30,\)"):
        models.build(ModelSpec(name="resnet8"), Form((30,), 10), seed=0)
