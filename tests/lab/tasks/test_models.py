import pytest
import torch
from torch import nn

from sssam.lab.specs import ModelSpec
from sssam.lab.tasks import models
from sssam.lab.tasks.models import Form

MLP = ModelSpec(name="mlp", widths=(256, 256))


def _transformer(**options):
    return ModelSpec(name="transformer", options=options)


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


@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("resnet8", 75_290),
        ("resnet20", 269_722),
    ],
)
def test_residual_networks_have_the_published_sizes(name, parameters, norm):
    model = models.build(
        ModelSpec(name=name, options={"norm": norm}), Form((3, 32, 32), 10), seed=0
    )
    assert _count(model) == parameters
    assert model.eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 10)
    kinds = {type(module) for module in model.modules()}
    assert (nn.BatchNorm2d in kinds, nn.GroupNorm in kinds) == (norm == "batch", norm == "group")


def _count(model):
    return sum(p.numel() for p in model.parameters())


def test_a_transformer_predicts_each_token_from_those_before_it():
    spec = ModelSpec(name="transformer", options={"depth": 2, "width": 8, "heads": 2})
    model = models.build(spec, Form((6,), 256, 256, each_position=True), seed=0)
    tokens = torch.randint(256, (3, 6), dtype=torch.uint8)
    other = tokens.clone()
    other[:, 4:] = 255 - other[:, 4:]
    for mode in (True, False):
        model.train(mode)
        with torch.set_grad_enabled(mode):
            one, two = model(tokens), model(other)
        assert one.shape == (3, 6, 256)
        torch.testing.assert_close(one[:, :4], two[:, :4])
        assert not torch.allclose(one[:, 4:], two[:, 4:])
    classes = models.build(spec, Form((6,), 2, 256), seed=0)
    assert classes(tokens).shape == (3, 2)
    default = models.build(ModelSpec(name="transformer"), Form((128,), 256, 256), 0)
    assert _count(default) == 478_976


@pytest.mark.parametrize("name", ["mlp", "cnn", "resnet8", "transformer"])
def test_every_model_s_weights_are_a_function_of_its_seed(name):
    form = Form((8,), 4, 256) if name == "transformer" else Form((3, 8, 8), 4)
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
        (ModelSpec(name="resnet8", widths=(4, 8)), r"takes 1 widths at most, got \(4, 8\)"),
        (ModelSpec(name="transformer", widths=(4,)), r"takes 0 widths at most, got \(4,\)"),
        (ModelSpec(name="resnet8", options={"nrm": "group"}), "unknown key 'nrm': did you mean"),
        (ModelSpec(name="resnet8", options={"norm": "no"}), "norm must be 'batch' or 'group', not"),
        (ModelSpec(name="mlp", options={"norm": "batch"}), "unknown key 'norm'"),
        (_transformer(depth="6"), "depth must be a whole number, not '6'"),
        (_transformer(heads=0), "heads must be at least 1, not 0"),
        (_transformer(dropout=1.0), r"dropout must be at least 0 and below 1, not 1\.0"),
        (ModelSpec(name="bert"), "unknown model 'bert'.*any other model goes into a task file"),
    ],
)
def test_models_that_do_not_exist(spec, text):
    with pytest.raises(ValueError, match=text):
        models.check(spec)


def test_inputs_and_sizes_that_do_not_fit():
    with pytest.raises(ValueError, match=r"takes images, the data have features of shape \(30,\)"):
        models.build(ModelSpec(name="resnet8"), Form((30,), 10), seed=0)
    with pytest.raises(ValueError, match="width is 128, must be a multiple of heads"):
        models.build(_transformer(heads=5), Form((8,), 256, 256), seed=0)
