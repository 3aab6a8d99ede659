"""Study files: what they say, and what is said of a bad one."""

import sys
from pathlib import Path

import pytest

from sssam.lab import tasks
from sssam.lab.studies import studyfile
from sssam.lab.studies.design import Study, runs
from sssam.schedules import constant, from_dict, late

HEAD = 'tasks = ["noisy-digits"]\nseeds = 3\n'
BASE = '[[methods]]\nkind = "base"\n'
SAM = '[[methods]]\nkind = "sam"\nrho = 0.1\n'


def read(folder: Path, text: str, **more) -> Study:
    path = folder / "study.toml"
    path.write_text(text)
    return studyfile.read(path, **more)


def rows(folder: Path, text: str):
    """The rows of a study on noisy digits, by label."""
    study = read(folder, HEAD + text)
    return {row.label: row for row in study.parts[0].rows}


def test_a_whole_study(tmp_path):
    text = """
    name = "late blocks"
    tasks = ["noisy-digits", {name = "digits", label = "clean", epochs = 3, learning_rate = 0.05}]
    seeds = [4, 5]
    tuning_seeds = 3
    epochs = 2
    engine = "local:2"
    [[methods]]
    kind = "base"
    [[methods]]
    label = "mine"
    kind = "sam"
    rho = [0.2, 0.1]
    """
    study = read(tmp_path, text)
    assert (study.name, study.seeds, study.engine) == ("late blocks", (4, 5), "local:2")
    assert study.tuning_seeds == (1000, 1001, 1002)
    first, second = (part.task for part in study.parts)
    assert (first.name, first.epochs) == ("noisy-digits", 2)
    assert (second.name, second.epochs, second.learning_rate) == ("clean", 3, 0.05)
    assert first.data.fingerprint
    assert [trial.rho for trial in study.parts[0].rows[1].trials()] == [0.1, 0.2]
    assert Study.model_validate_json(study.text()) == study


def test_the_control_is_one_word(tmp_path):
    (control,) = rows(tmp_path, '[[methods]]\ncontrol = "compute-matched"\n').values()
    assert (control.method.kind, control.method.length) == ("base", 2)
    assert control.label == "base 2x steps"


def test_a_schedule_is_text_or_a_table_and_meets_its_budget(tmp_path):
    found = rows(
        tmp_path,
        '[[methods]]\nkind = "sssam"\nschedule = "late(0.5)"\nbudget = 1.125\n'
        '[[methods]]\nlabel = "part"\nkind = "sssam"\nbudget = 1.0625\nascent_fraction = 0.125\n'
        'schedule = {family = "constant", p = 0.1}\n',
    )
    late_, part = (row.method.scheduling_function() for row in found.values())
    steps = 40 * 16
    assert 1 + late_.mean_probability(steps) == pytest.approx(1.125, abs=1e-12)
    assert late_ == from_dict(late(0.5).with_budget(1.125, steps).to_dict())
    assert part == constant(0.5)


def test_a_study_s_budget_is_for_all_rows_with_a_schedule(tmp_path):
    row = '[[methods]]\nlabel = "{}"\nkind = "sssam"\nschedule = "{}"\n'
    text = f"budget = 1.25\n{BASE}{row.format('a', 'late(0.5)')}{row.format('b', 'constant(0.9)')}"
    found = rows(tmp_path, text)
    for label in ("a", "b"):
        schedule = found[label].method.scheduling_function()
        assert 1 + schedule.mean_probability(640) == pytest.approx(1.25, abs=1e-12)


def test_a_grid_is_every_combination_or_as_many_as_are_drawn(tmp_path):
    text = (
        '[[methods]]\nkind = "looksam"\nrho = [0.1, 0.2]\nk = [2, 5]\nlearning_rate = [0.1, 0.2]\n'
    )
    (whole,) = rows(tmp_path, text).values()
    assert len(set(map(repr, whole.trials()))) == 8
    assert {trial.options["k"] for trial in whole.trials()} == {2, 5}
    (drawn,) = rows(tmp_path, f"trials = 3\n{text}").values()
    assert len(drawn.trials()) == 3
    assert set(map(repr, drawn.trials())) < set(map(repr, whole.trials()))


def test_a_radius_is_the_class_s_the_tuned_one_or_to_be_tuned(tmp_path):
    row = '[[methods]]\nlabel = "{}"\nkind = "{}"\n'
    text = row.format("plain", "msam") + row.format("SAM", "sam") + 'rho = "tuned"\n'
    found = rows(tmp_path, text + row.format("open", "msam") + 'rho = "tune"\n')
    assert found["plain"].method.rho == 0.3
    assert found["SAM"].method.rho == 0.4
    assert found["open"].grows
    assert [t.rho for t in found["open"].trials()] == [0.075, 0.15, 0.3, 0.6, 1.2, 2.4, 4.8]


def test_paths_are_looked_for_beside_the_file_first(tmp_path):
    (tmp_path / "pictures").mkdir()
    text = 'tasks = [{name = "cifar10", data = "pictures"}]\nseeds = 1\n' + BASE
    with pytest.raises((ValueError, FileNotFoundError)) as raised:
        read(tmp_path, text)
    assert f"{tmp_path}/study.toml, line 1: task 1: " in str(raised.value)
    assert f"{tmp_path / 'pictures'}' has no train*.parquet" in str(raised.value)


def test_every_trial_is_a_run_that_can_be_made(tmp_path):
    study = read(tmp_path, HEAD + BASE + SAM)
    part = study.parts[0]
    found = runs(part.task, [row.trials()[0] for row in part.rows], study.seeds)
    assert len({run.id for run in found}) == 6


BAD = [
    ("tasks = [", "this is no TOML: ", ""),
    (f"{HEAD}epoch = 3\n{BASE}", "line 3: unknown key 'epoch': did you mean 'epochs'", ""),
    (
        f"{HEAD}{BASE}roh = 1\n",
        "line 5: method 1 'base': unknown key 'roh': did you mean 'rho'",
        "",
    ),
    (
        f"{HEAD}{BASE}{SAM}mixx = 1\n",
        "line 8: method 2 'SAM': unknown key 'mixx': did you mean 'mix'",
        "",
    ),
    (f"{HEAD}{SAM}k = 5\n", "unknown key 'k'", ""),
    (
        f"{HEAD}{BASE}\n[[method]]\nkind = 'sam'\n",
        "unknown key 'method': did you mean 'methods'",
        "",
    ),
    (f'tasks = "digits"\nseeds = 1\n{BASE}', "line 1: tasks: must be a list of names", ""),
    (f'{HEAD}epochs = "many"\n{BASE}', "line 3: epochs: ", "not 'many'"),
    (f"{HEAD}epochs = 0\n{BASE}", "line 3: epochs: ", "must be at least 1, not 0"),
    (
        f'{HEAD}{BASE}[[methods]]\nkind = "sam"\nrho = "big"\n',
        "line 7: method 2 'SAM', rho: must be a",
        "",
    ),
    (
        f'{HEAD}[[methods]]\nkind = "sam"\nrho = [0.1, "b"]\n',
        "method 1 'SAM', rho: must be a number",
        "",
    ),
    (
        f'{HEAD}[[methods]]\nkind = "sam"\nrho = []\n',
        "line 5: method 1 'SAM', rho: an empty grid",
        "",
    ),
    (
        f'{HEAD}[[methods]]\nkind = "looksam"\nk = []\n',
        "line 5: method 1 'LookSAM', k: an empty grid",
        "",
    ),
    (f'{HEAD}[[methods]]\nkind = "sam"\nrho = -0.1\n', "rho: must be at least 0, not -0.1", ""),
    (f'{HEAD}[[methods]]\nkind = "sam"\nrho = [0.1, 0.1]\n', "rho: a value stands twice", ""),
    (f'{HEAD}[[methods]]\nkind = "base"\nrho = 0.1\n', "rho: kind 'base' has no rho", ""),
    (f'{HEAD}[[methods]]\nkind = "sam"\nmix = "x"\n', "mix must be", ""),
    (f'{HEAD}[[methods]]\nkind = "sam"\nmix = {{a = 1}}\n', "mix: must be a number, a truth", ""),
    (
        f'{HEAD}[[methods]]\nkind = "samm"\n',
        "line 4: method 1: unknown kind of method 'samm'",
        "'sam'",
    ),
    (f"{HEAD}[[methods]]\nrho = 0.1\n", "method 1, kind: a row needs its kind", ""),
    (f'{HEAD}[[methods]]\nkind = "sssam"\n', "needs a schedule, got none", ""),
    (f'{HEAD}[[methods]]\nkind = "sam"\nschedule = "late(0.5)"\n', "takes no schedule", ""),
    (
        f'{HEAD}[[methods]]\nkind = "sssam"\nschedule = "lat(1)"\n',
        "line 5: method 1 'SS-SAM lat(1)', schedule: ",
        "",
    ),
    (
        f'{HEAD}[[methods]]\nkind = "sssam"\nschedule = {{f = 1}}\n',
        "schedule: family is missing: give one of constant",
        "",
    ),
    (f'{HEAD}[[methods]]\nkind = "sam"\nbudget = 1.5\n', "budget: a budget is met by moving a", ""),
    (
        f'{HEAD}[[methods]]\nkind = "sssam"\nschedule = "late(1)"\nbudget = 1.5\n'
        "ascent_fraction = 0.125\n",
        "budget: must be from 1 (the base optimizer) to 1.125, what a pass",
        "not 1.5",
    ),
    (
        f'{HEAD}[[methods]]\nkind = "sssam"\nschedule = "linear(0.5)"\nbudget = 1.1\n',
        "budget: 1.1 can't be met: linear(0.5, 1.0) over 640 steps reaches 1.25",
        "",
    ),
    (f'{HEAD}[[methods]]\ncontrol = "matched"\n', 'control: must be "compute-matched"', ""),
    (
        f'{HEAD}[[methods]]\ncontrol = "compute-matched"\nrho = 1.0\n',
        "rho: a control is the base",
        "",
    ),
    (
        f"{HEAD}{SAM}{SAM}",
        "line 6: method 2 'SAM', label: 'SAM' is there twice: give one another",
        "",
    ),
    (f'tasks = ["digits"]\nseeds = 0\n{BASE}', "line 2: seeds: must be a number of seeds", "not 0"),
    (f'tasks = ["digits"]\nseeds = []\n{BASE}', "line 2: seeds: must be a number of seeds", ""),
    (f'tasks = ["digits"]\nseeds = [-1]\n{BASE}', "none below 0, not [-1]", ""),
    (f'tasks = ["digits"]\nseeds = [1, 1]\n{BASE}', "seeds hold a seed twice", ""),
    (f'tasks = ["digits"]\n{BASE}', "seeds: is missing: give a number of seeds", ""),
    (f"{HEAD}", "methods: is missing: give tables", ""),
    (f"tasks = []\nseeds = 1\n{BASE}", "line 1: tasks: must be a list", ""),
    (f'tasks = ["digit"]\nseeds = 1\n{BASE}', "task 1: unknown task 'digit': did you mean", ""),
    (
        f'tasks = ["digits", "digits"]\nseeds = 1\n{BASE}',
        "'digits' is there twice: give it another",
        "",
    ),
    (f'tasks = [{{name = "digits", epoch = 2}}]\nseeds = 1\n{BASE}', "unknown key 'epoch'", ""),
    (f'tasks = [{{name = "digits", epochs = -2}}]\nseeds = 1\n{BASE}', "epochs must be", "not -2"),
    (f'tasks = [{{name = "cifar10", data = "no"}}]\nseeds = 1\n{BASE}', "'no' does not exist", ""),
    (f'{HEAD}engine = "locl:2"\n{BASE}', "line 3: unknown engine 'locl'", "did you mean 'local'"),
    (
        "tasks = ['digits']\nseeds = 1\n[[method]]\nkind = 'sam'\n",
        "line 3: unknown key 'method'",
        "",
    ),
    (
        f"task = ['digits']\nseeds = 1\n{BASE}",
        "line 1: unknown key 'task': did you mean 'tasks'",
        "",
    ),
    (f"{HEAD}[[methods]]\nkind = 'looksam'\nk = 0\n", "line 5: method 1 'LookSAM': k must be", "0"),
    (
        f"{HEAD}{BASE}[[methods]]\nlabel = 'mine'\nkind = 'looksam'\nk = [5, 0]\n",
        "line 8: method 2 'mine': k must be at least 1, not 0",
        "",
    ),
    (f"{HEAD}[[methods]]\nkind = 'sam'\nmix = nan\n", "mix: must be finite, not nan", ""),
    (f"{HEAD}flatness = {{samples = 0}}\n{BASE}", "line 3: flatness, samples: must be", "not 0"),
    (f"tasks = ['digits']\nseeds = 100000000\n{BASE}", "seeds: must be at most 10000", ""),
    (
        "tasks = [{name = 'digits', momentum = 1.5}]\nseeds = 1\n" + BASE,
        "at least 0 and below 1",
        "",
    ),
    (
        f"tasks = ['digits']\n{SAM}seeds = 3\n",
        "line 5: method 1 'SAM', seeds: is a key of the study: write it above all tables",
        "",
    ),
    (f"{HEAD}{SAM}epochs = 3\n", "line 6: method 1 'SAM', epochs: is a key of the study", ""),
    (f"{HEAD}{SAM}name = 'a'\n", "line 6: method 1 'SAM': unknown key 'name'", "'label'"),
    (f"{HEAD}budget = 0.5\n{BASE}", "line 3: budget: must be a number from 1 (the base", "not 0.5"),
    (f"{HEAD}budget = 1.5\n{BASE}", "line 3: budget: is met by moving schedules, and no row", ""),
    (
        f'{HEAD}[[methods]]\ncontrol = "compute-matched"\nlength = 3\n',
        "line 5: method 1 'base 2x steps', length: a control is the base",
        "",
    ),
    (
        f"tasks = [{{name = 'digits', label = 'a b'}}, {{name = 'digits', label = 'A-b'}}]\n"
        f"seeds = 1\n{BASE}",
        "line 1: task 2, name: task 'A-b' and 'a b' clash: give it another label",
        "",
    ),
    (
        f"tasks = ['digits', {{name = 'digits', label = 'records'}}]\nseeds = 1\n{BASE}",
        "task 'records' and a folder of every study's own clash",
        "",
    ),
    (
        f"tasks = [{{name = 'digits', epochs = true}}]\nseeds = 1\n{BASE}",
        "line 1: task 1: epochs must be a whole number, not True",
        "",
    ),
    (
        f"tasks = [{{name = 'digits', model = {{nam = 'mlp'}}}}]\nseeds = 1\n{BASE}",
        "line 1: task 1: model: unknown key 'nam': did you mean 'name'",
        "",
    ),
    (
        f"{HEAD}{SAM.replace('0.1', '[0.1, 0.2]')}"
        '[[methods]]\nkind = "asam"\nrho = [0.1, 0.2, 0.3]\n',
        "equally many trials, but have SAM 2, ASAM 3",
        "trials = N",
    ),
    (
        f"{HEAD}{SAM.replace('0.1', '[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]')}"
        '[[methods]]\nkind = "asam"\nrho = "tune"\n',
        "whose grid can grow",
        "",
    ),
    (
        f'tasks = ["digits"]\nseeds = [1000]\n{SAM.replace("0.1", "[0.1, 0.2]")}',
        "seed 1000 is among seeds and among tuning_seeds",
        "",
    ),
]


@pytest.mark.parametrize(("text", "said", "also"), BAD, ids=[said for _, said, _ in BAD])
def test_a_bad_file_is_named_with_the_place(tmp_path, text, said, also):
    with pytest.raises((ValueError, FileNotFoundError)) as raised:
        read(tmp_path, text)
    told = str(raised.value)
    assert told.startswith(str(tmp_path / "study.toml"))
    assert said in told
    assert also in told
    assert "\n" not in told


def test_a_library_that_is_missing_is_told_with_the_place(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    text = f"tasks = [{{name = 'digits', model = 'timm:resnet18'}}]\nseeds = 1\n{BASE}"
    with pytest.raises(ModuleNotFoundError, match=r"study\.toml, line 1: task 1: models timm:NAME"):
        read(tmp_path, text)


def test_data_of_a_task_that_the_study_has_not(tmp_path):
    with pytest.raises(ValueError, match=r"--data digit=.* did you mean 'noisy-digits'"):
        read(tmp_path, HEAD + BASE, data={"digit": "here"})


def test_a_file_of_another_encoding_is_named_with_the_line(tmp_path):
    path = tmp_path / "study.toml"
    path.write_bytes(b'name = "a"\n# caf\xe9\n')
    with pytest.raises(ValueError, match=r"study\.toml, line 2: the byte 0xe9 is no UTF-8"):
        studyfile.read(path)
    path.write_bytes(b"\xef\xbb\xbf" + (HEAD + BASE).encode())  # a byte order mark
    assert studyfile.read(path).seeds == (0, 1, 2)


def test_a_directory_is_no_file(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a directory, which holds no study"):
        studyfile.read(tmp_path)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.toml' does not exist"):
        studyfile.read(tmp_path / "nothing.toml")


@pytest.mark.parametrize("name", ["family", "cheap", "convolutional"])
def test_the_project_s_own_studies_can_be_read(name, monkeypatch):
    monkeypatch.setattr(studyfile.checks, "check_runs", lambda _: None)
    monkeypatch.setattr(tasks, "find", lambda name, _: tasks.TASKS[name])
    study = studyfile.read(Path(__file__).parents[3] / "studies" / name / "study.toml")
    assert len(study.parts[0].rows) > 8
