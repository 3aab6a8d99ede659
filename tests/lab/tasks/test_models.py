import sys
import types

import pytest
import torch
from torch import nn

from sssam.lab.specs import ModelSpec
from sssam.lab.tasks import families as models

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


@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("resnet8", 75_290),
        ("resnet20", 269_722),
        ("wrn16-4", 2_748_890),
        ("wrn40-2", 2_243_546),
        ("wrn28-10", 36_479_194),
    ],
)
def test_residual_networks_have_the_published_sizes(name, parameters, norm):
    model = models.build(ModelSpec(name=name, options={"norm": norm}), (3, 32, 32), 10, seed=0)
    assert _count(model) == parameters
    assert model.eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 10)
    kinds = {type(module) for module in model.modules()}
    assert (nn.BatchNorm2d in kinds, nn.GroupNorm in kinds) == (norm == "batch", norm == "group")


def _count(model):
    return sum(p.numel() for p in model.parameters())


def test_the_vision_transformer_has_the_size_of_its_layers():
    sizes = {"depth": 3, "width": 12, "heads": 2, "patch": 2}
    model = models.build(ModelSpec(name="vit", options=sizes), (1, 8, 6), 5, seed=0)
    assert model(torch.zeros(2, 1, 8, 6)).shape == (2, 5)
    layer = 4 * 12 * 13 + 2 * 4 * 12 * 12 + 5 * 12 + 4 * 12
    assert _count(model) == 3 * layer + (4 + 1) * 12 + 12 * 12 + 2 * 12 + 13 * 5
    first, second = model.layers[0].linear1.weight, model.layers[1].linear1.weight
    assert not torch.equal(first, second)
    default = models.build(ModelSpec(name="vit"), (3, 32, 32), 10, seed=0)
    assert _count(default) == 2_693_194


def test_a_transformer_predicts_each_token_from_those_before_it():
    spec = ModelSpec(name="transformer", options={"depth": 2, "width": 8, "heads": 2})
    model = models.build(spec, (6,), 256, seed=0, vocabulary=256, each_position=True)
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
    classes = models.build(spec, (6,), 2, seed=0, vocabulary=256)
    assert classes(tokens).shape == (3, 2)
    default = models.build(ModelSpec(name="transformer"), (128,), 256, 0, vocabulary=256)
    assert _count(default) == 478_976


SMALL = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}


@pytest.mark.parametrize(
    ("name", "shape", "form", "options", "scores"),
    [
        ("vit", (3, 8, 8), {}, {**SMALL, "patch_size": 4}, (2, 5)),
        ("bert", (6,), {"vocabulary": 256}, SMALL, (2, 5)),
        (
            "gpt2",
            (6,),
            {"vocabulary": 256, "each_position": True},
            {"n_embd": 8, "n_layer": 1, "n_head": 2},
            (2, 6, 5),
        ),
    ],
)
def test_models_of_transformers_are_built_with_random_weights(name, shape, form, options, scores):
    pytest.importorskip("transformers")
    classes = 256 if "each_position" in form else 5
    spec = ModelSpec(name=f"transformers:{name}", options=options)
    one, same, other = (models.build(spec, shape, classes, seed, **form) for seed in (0, 0, 1))
    inputs = torch.ones(2, *shape, dtype=torch.uint8 if form else torch.float32)
    assert one(inputs).shape == (*scores[:-1], classes)
    assert torch.equal(_weights(one), _weights(same))
    assert not torch.equal(_weights(one), _weights(other))
    with pytest.raises(ValueError, match="model of transformers 'brt': did you mean 'bert'"):
        models.check(ModelSpec(name="transformers:brt"))


def test_a_model_of_timm_is_asked_for_by_its_name_and_sizes(monkeypatch):
    made = []

    def create_model(name, **sizes):
        made.append((name, sizes))
        if sizes.get("drop_rate", 0) > 1:
            raise TypeError("drop_rate must be\nin [0, 1]")
        inputs = sizes["in_chans"] * 8 * 8
        return nn.Sequential(nn.Flatten(), nn.Linear(inputs, sizes["num_classes"]))

    known = types.SimpleNamespace(list_models=lambda: ["resnet18"], create_model=create_model)
    monkeypatch.setitem(sys.modules, "timm", known)
    spec = ModelSpec(name="timm:resnet18", options={"drop_rate": 0.1})
    model = models.build(spec, (3, 8, 8), 10, seed=0)
    assert model.training
    assert (model[1].in_features, model[1].out_features) == (3 * 8 * 8, 10)
    sizes = {"pretrained": False, "in_chans": 3, "num_classes": 10, "drop_rate": 0.1}
    assert made == [("resnet18", sizes)]
    with pytest.raises(ValueError, match="'resnet81': did you mean 'resnet18'"):
        models.check(ModelSpec(name="timm:resnet81"))
    with pytest.raises(ValueError, match="takes images, the data have features"):
        models.build(ModelSpec(name="timm:resnet18"), (3,), 10, seed=0)
    for options, shape, told in (
        ({"drop_rate": 2}, (3, 8, 8), r"\(3, 8, 8\), drop_rate = 2: drop_rate must be in \[0, 1\]"),
        ({}, (3, 9, 9), r"images of shape \(3, 9, 9\): mat1 and mat2 shapes cannot be multiplied"),
    ):
        with pytest.raises(ValueError, match=rf"'timm:resnet18' can't be made for .*{told}"):
            models.build(ModelSpec(name="timm:resnet18", options=options), shape, 10, seed=0)


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("vit", {"hiden_size": 8}, "unknown option of transformers:vit 'hiden_size': did you mean"),
        (
            "vit",
            SMALL,
            r"'transformers:vit' can't be made for images .*, hidden_size = 8, .*Kernel",
        ),
        ("bert", SMALL, "'transformers:bert' can't be made for images .*: Unrecognized config"),
        (
            "vit",
            {**SMALL, "patch_size": 4, "num_labels": 3},
            r"gives scores of shape \(2, 3\), must",
        ),
    ],
)
def test_what_transformers_can_t_make_is_refused_with_the_model_s_name(name, options, told):
    pytest.importorskip("transformers")
    with pytest.raises(ValueError, match=told) as raised:
        models.build(ModelSpec(name=f"transformers:{name}", options=options), (3, 8, 8), 5, seed=0)
    assert len(str(raised.value)) < 450


def test_a_library_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"need timm and the torchvision that fits torch \d"
    ):
        models.check(ModelSpec(name="timm:resnet18"))


@pytest.mark.parametrize("name", ["mlp", "resnet8", "wrn10-1", "vit", "transformer"])
def test_every_model_s_weights_are_a_function_of_its_seed(name):
    form = {"vocabulary": 256} if name == "transformer" else {}
    shape = (8,) if form else (3, 8, 8)
    torch.manual_seed(7)
    before = torch.get_rng_state()
    built = [models.build(ModelSpec(name=name), shape, 4, seed, **form) for seed in (0, 0, 1)]
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(_weights(built[0]), _weights(built[1]))
    assert not torch.equal(_weights(built[0]), _weights(built[2]))


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
        (ModelSpec(name="wrn16-4", widths=(4,)), r"takes no widths, got \(4,\)"),
        (ModelSpec(name="wrn17-4"), r"the depth must be 10, 16, 22, \.\.\. \(6 n \+ 4\)"),
        (ModelSpec(name="resnet8", options={"nrm": "group"}), "unknown option 'nrm': did you mean"),
        (ModelSpec(name="vit", options={"depth": "6"}), "option depth is '6', must be int, such"),
        (ModelSpec(name="transformers:bert", widths=(4,)), r"takes no widths, got \(4,\)"),
    ],
)
def test_models_that_do_not_exist(spec, text):
    with pytest.raises(ValueError, match=text):
        models.check(spec)


@pytest.mark.parametrize(
    ("spec", "shape", "text"),
    [
        (
            ModelSpec(name="resnet8"),
            (30,),
            r"takes images, the data have features of shape \(30,\)",
        ),
        (ModelSpec(name="vit", options={"patch": 5}), (3, 32, 32), "patch is 5, must divide"),
        (ModelSpec(name="vit", options={"heads": 5}), (3, 32, 32), "192, must be a multiple of"),
        (ModelSpec(name="vit", options={"dropout": 1.0}), (3, 8, 8), r"must be in \[0, 1\)"),
        (ModelSpec(name="resnet8", options={"norm": "no"}), (3, 8, 8), "norm is 'no', must be 'ba"),
        (ModelSpec(name="wrn16-0"), (3, 8, 8), "widening factor must be at least 1"),
    ],
)
def test_sizes_that_do_not_fit(spec, shape, text):
    with pytest.raises(ValueError, match=text):
        models.build(spec, shape, 10, seed=0)
