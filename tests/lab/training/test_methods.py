import pytest
import torch
from tiny import BASE, SAM, SSSAM, TASK, run

import sssam
from sssam import SharpnessAware
from sssam.lab.specs import Method, ModelSpec
from sssam.lab.training import methods, train


def _build(method, total_steps=10, seed=0):
    model = torch.nn.Linear(3, 2)
    base = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return methods.build(method, base, total_steps, seed, model), base


def test_the_base_kind_is_the_torch_optimizer_itself():
    optimizer, base = _build(BASE)
    assert optimizer is base
    assert methods.expected_propagations(optimizer) == 1.0


def test_every_optimizer_of_the_library_is_a_kind():
    own = {getattr(sssam, name) for name in sssam.__all__} - {sssam.SharpnessAware, sssam.Relay}
    wrappers = {each for each in own if isinstance(each, type) and hasattr(each, "passes")}
    assert wrappers == set(methods.KINDS.values()) - {None}


@pytest.mark.parametrize(
    "kind", sorted(set(methods.KINDS) - {"base", "sssam", "samon", "flatlora"})
)
def test_each_kind_is_built_with_its_own_radius_and_trains(kind):
    method = Method(label=kind, kind=kind, rho=methods.default_rho(kind))
    record = train.train(run(method))
    assert record.outcome in ("finished", "diverged")
    assert record.steps == 9
    built = _build(method)[0]
    assert type(built) is methods.KINDS[kind]
    expected = methods.expected_propagations(built)
    assert expected is None or record.propagations == pytest.approx(expected, abs=0.3)


def test_normalisation_layers_alone_need_some():
    method = Method(label="SAM-ON", kind="samon", rho=0.5)
    task = TASK.model_copy(update={"model": ModelSpec(name="resnet8", widths=(4,)), "epochs": 1})
    assert train.train(run(method, task=task)).propagations == 2.0
    with pytest.raises(ValueError, match="normalisation"):
        _build(method)


def test_noise_on_merged_weights_is_on_those_of_linear_layers_where_there_are_no_adapters():
    method = Method(label="noise", kind="flatlora", rho=0.05, options={"layers": "all-linear"})
    record = train.train(run(method))
    assert record.outcome in ("finished", "diverged")
    assert record.propagations == 1.0
    with pytest.raises(ValueError, match="has no LoRA layers"):
        _build(method.model_copy(update={"options": {}}))


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ({"kind": "smas"}, "unknown kind of method 'smas': did you mean"),
        (
            {"kind": "sam", "options": {"mixx": 1}},
            "unknown option 'mixx': did you mean 'mix'",
        ),
        ({"kind": "sam", "options": {"rho": 1}}, "unknown option 'rho'"),
        ({"kind": "sam", "schedule": {}}, "'mine' of kind 'sam' takes no schedule"),
        ({"kind": "sssam", "rho": 0.1}, "'mine' of kind 'sssam' needs a schedule, got none"),
        ({"kind": "base", "rho": 0.1}, "'mine' of kind 'base' has no rho, got 0.1: leave it out"),
        ({"kind": "base", "options": {"mix": 1}}, "unknown option 'mix'"),
    ],
)
def test_a_method_that_can_not_be_built(method, message):
    with pytest.raises(ValueError, match=message):
        _build(Method(label="mine", **method))


def test_expected_propagations_are_those_of_the_schedule_and_of_the_part():
    assert methods.expected_propagations(_build(SAM)[0]) == 2.0
    schedule = SSSAM.scheduling_function()
    expected = 1 + schedule.mean_probability(10)
    assert methods.expected_propagations(_build(SSSAM)[0]) == expected
    half = SAM.model_copy(update={"options": {"ascent_fraction": 0.125}})
    assert methods.expected_propagations(_build(half)[0]) == 1.125


def test_every_kind_is_a_class_of_the_library() -> None:
    made = [each for each in methods.KINDS.values() if each is not None]
    assert [each for each in made if not issubclass(each, SharpnessAware)] == []
