"""Study files: what they say."""

from pathlib import Path

import pytest

from sssam.lab import tasks
from sssam.lab.runs import checks
from sssam.lab.specs.flatness import FlatnessSettings
from sssam.lab.studies import defaults, settings, studyfile
from sssam.lab.studies.design import RECIPE, Study, runs

ROOT = Path(__file__).parents[3]
HEAD = 'tasks = ["noisy-digits"]\nseeds = 3\ntrials = 4\n'
SAM = '[[variants]]\nkind = "sam"\nrho = "tune"\n'


def read(folder: Path, text: str, **more) -> Study:
    path = folder / "study.toml"
    path.write_text(text)
    return studyfile.read(path, **more)


def test_a_whole_study(tmp_path):
    text = """
    name = "late blocks"
    tasks = ["noisy-digits", {name = "digits", label = "clean", epochs = 3, learning_rate = 0.05}]
    seeds = [4, 5]
    tuning_seeds = 3
    trials = 2
    epochs = 2
    engine = "local:2"
    flatness = true
    controls = ["2", "ema"]
    [recipe]
    weight_decay = [5e-4, 5e-3]
    [[variants]]
    label = "mine"
    kind = "sam"
    rho = [0.2, 0.1]
    """
    study = read(tmp_path, text)
    assert (study.name, study.seeds, study.engine) == ("late blocks", (4, 5), "local:2")
    assert (study.tuning_seeds, study.trials) == ((1000, 1001, 1002), 2)
    assert study.flatness == FlatnessSettings()
    first, second = study.parts
    assert (first.task.name, first.task.epochs) == ("noisy-digits", 2)
    assert (second.task.name, second.task.epochs, second.task.learning_rate) == ("clean", 3, 0.05)
    assert first.task.data.fingerprint
    assert list(first.base.axes) == ["weight_decay"]
    assert [control.label for control in first.controls] == ["base 2x length", "base EMA"]
    assert [variant.label for variant in first.variants] == ["mine"]
    assert first.variants[0].axes["rho"].values == (0.1, 0.2)
    assert Study.model_validate_json(study.text()) == study


def test_a_file_that_says_little_tunes_the_base_and_has_all_controls_and_variants(tmp_path):
    study = read(tmp_path, 'tasks = ["noisy-digits"]\nseeds = 3\n')
    (part,) = study.parts
    assert study.name == "study"
    assert part.base.axes == settings.recipe(part.task)
    assert part.controls == defaults.controls(part.task)
    assert part.variants == defaults.variants(part.task, "tune")


@pytest.mark.parametrize(
    ("given", "tuned"),
    [
        ('recipe = "tune"', ["learning_rate", "weight_decay", "label_smoothing", "dropout"]),
        ('recipe = "given"', []),
        ('recipe = {dropout = "tune"}', ["dropout"]),
    ],
)
def test_the_base_s_recipe_is_tuned_given_or_both(tmp_path, given, tuned):
    (part,) = read(tmp_path, f"{HEAD}{given}\n{SAM}").parts
    assert [name for name, axis in part.base.axes.items() if axis.tuned] == tuned


def test_controls_can_be_left_out(tmp_path):
    assert read(tmp_path, f"{HEAD}controls = false\n{SAM}").parts[0].controls == ()


def test_what_is_measured_of_flatness(tmp_path):
    study = read(tmp_path, f"{HEAD}flatness = {{samples = 64, radii = [0.1, 0.2]}}\n{SAM}")
    assert study.flatness == FlatnessSettings(samples=64, radii=(0.1, 0.2))
    assert read(tmp_path, f"{HEAD}flatness = false\n{SAM}").flatness is None


def test_paths_are_looked_for_beside_the_file_first(tmp_path):
    (tmp_path / "pictures").mkdir()
    with pytest.raises((ValueError, FileNotFoundError)) as raised:
        read(tmp_path, 'tasks = [{name = "cifar10", data = "pictures"}]\nseeds = 1\n')
    assert f"{tmp_path}/study.toml: tasks 1" in str(raised.value)
    assert f"{tmp_path / 'pictures'}' can't be read" in str(raised.value)


def test_data_of_a_task_that_the_study_has_not(tmp_path):
    with pytest.raises(ValueError, match=r"--data digit=.* did you mean 'noisy-digits'"):
        read(tmp_path, HEAD, data={"digit": "here"})


@pytest.mark.parametrize("name", ["small", "cifar10"])
def test_data_are_named_by_a_task_s_label_or_its_name(tmp_path, name):
    text = 'tasks = [{name = "cifar10", label = "small"}]\nseeds = 1\n'
    with pytest.raises((ValueError, FileNotFoundError), match="data path 'nowhere'"):
        read(tmp_path, text, data={name: "nowhere"})


def test_every_first_trial_is_built_once(tmp_path, monkeypatch):
    built = []
    monkeypatch.setattr(checks, "check", lambda task, methods: built.extend(methods))
    (part,) = read(tmp_path, f"{HEAD}{SAM}").parts
    labels = [method.label for method in built]
    assert (labels.count("base"), labels.count("SAM")) == (4, 4)
    assert len(labels) == 8 + len(part.controls)
    assert len({run.id for run in runs(part.task, built, [0])}) == len(built)


def test_a_byte_order_mark_is_no_key(tmp_path):
    path = tmp_path / "study.toml"
    path.write_bytes(b"\xef\xbb\xbf" + HEAD.encode())
    assert studyfile.read(path).seeds == (0, 1, 2)


@pytest.mark.parametrize(
    "path",
    [ROOT / "examples/study.toml", *sorted(ROOT.glob("studies/**/study.toml"))],
    ids=lambda p: p.parent.name,
)
def test_the_project_s_own_studies_can_be_read(path, monkeypatch):
    monkeypatch.setattr(checks, "check", lambda *_: None)
    known = tasks.TASKS  # the data of others may be far away
    found = lambda name, _, new: tasks.changed(known.get(name, known["digits"]), new)  # noqa: E731
    monkeypatch.setattr(tasks, "find", found)
    axes = dict.fromkeys(RECIPE, settings.radii("sam"))
    monkeypatch.setattr(settings, "recipe", lambda _: axes)
    study = studyfile.read(path)
    assert study.name in (path.parent.name, path.stem)
    assert study.parts[0].variants


def test_a_table_is_read_by_the_target_that_the_file_names(tmp_path):
    (tmp_path / "flowers.csv").write_text("size,species\n" + "1.5,x\n2.5,y\n" * 20)
    study = read(tmp_path, 'tasks = [{name = "flowers.csv", target = "species"}]\nseeds = 1\n')
    assert study.parts[0].task == tasks.find(f"{tmp_path / 'flowers.csv'}:species")
