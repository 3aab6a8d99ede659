"""Study files that can't be: the text begins with the file and the way to the key."""

from pathlib import Path

import pytest

from sssam.lab import tasks
from sssam.lab.studies import studyfile

HEAD = 'tasks = ["noisy-digits"]\nseeds = 3\n'
SAM = '[[variants]]\nkind = "sam"\nrho = 0.1\n'
SSSAM = '[[variants]]\nkind = "sssam"\n'


def read(folder: Path, text: str):
    path = folder / "study.toml"
    path.write_text(text)
    return studyfile.read(path)


BAD = [
    ("tasks = [", "this is no TOML: "),
    (f"{HEAD}epoch = 3\n", "unknown key 'epoch': did you mean 'epochs'"),
    ("task = ['digits']\nseeds = 1\n", "unknown key 'task': did you mean 'tasks'"),
    (f"{HEAD}{SAM}roh = 1\n", "variants 1: unknown key 'roh': did you mean 'rho'"),
    (f"{HEAD}{SAM}{SAM}mixx = 1\n", "variants 2: unknown key 'mixx': did you mean"),
    (f"{HEAD}[[variant]]\nkind = 'sam'\n", "unknown key 'variant': did you mean"),
    (f"seeds = 3\n{SAM}", "tasks is missing"),
    ("tasks = []\nseeds = 1\n", "tasks: List should have at least 1 item"),
    ('tasks = "digits"\nseeds = 1\n', "tasks must be a valid list, not 'digits'"),
    (f'{HEAD}epochs = "many"\n', "epochs must be a valid integer, not 'many'"),
    (f"{HEAD}epochs = 0\n", "epochs must be greater than or equal to 1, not 0"),
    (f"{HEAD}trials = 0\n", "trials must be greater than or equal to 1, not 0"),
    ('tasks = ["digits"]\nseeds = 0\n', "seeds must be greater than or equal to 1, not 0"),
    ('tasks = ["digits"]\nseeds = 100000000\n', "seeds must be less than or equal to 10000, not"),
    (
        'tasks = ["digits"]\nseeds = true\n',
        "seeds must be a valid integer or a valid list, not True",
    ),
    ('tasks = ["digits"]\nseeds = [1, 1]\n', "seeds hold a seed twice"),
    (f"{HEAD}[[variants]]\nrho = 0.1\n", "variants 1: kind is missing"),
    (
        f"{HEAD}[[variants]]\nkind = 'samm'\n",
        "variants 1: unknown kind 'samm': did you",
    ),
    (
        f"{HEAD}[[variants]]\nkind = 'sam'\nrho = 'big'\n",
        "variants 1, rho must be a valid number, a list of such, or \"tune\" or 'auto', not 'big'",
    ),
    (
        f"{HEAD}{SAM.replace('0.1', '[0.1, true]')}",
        "variants 1, rho 2 must be a valid number",
    ),
    (
        f"{HEAD}{SAM.replace('0.1', '-0.1')}",
        "variants 1, rho must be greater than or equal to 0",
    ),
    (
        f"{HEAD}[[variants]]\nkind = 'sam'\nmix = nan\n",
        "variants 1, mix must be",
    ),
    (f"{HEAD}[[variants]]\nkind = 'sam'\nmix = 'x'\n", "mix must be"),
    (f"{HEAD}[[variants]]\nkind = 'looksam'\nk = 0\n", "k must be at least 1"),
    (
        f"{HEAD}{SAM}[[variants]]\nkind = 'looksam'\nk = [5, 0]\n",
        "k must be at",
    ),
    (f"{HEAD}{SSSAM}", "variants 1: schedule is missing"),
    (f"{HEAD}{SSSAM}schedule = 'lat(1)'\n", "unknown schedule 'lat': did you mean 'late'"),
    (f"{HEAD}{SAM}schedule = 'late(1)'\n", "variants 1: unknown key 'schedule'"),
    (f"{HEAD}{SAM}{SAM}", "label 'SAM' is there twice: give one of the two another"),
    (f"{HEAD}{SAM}epochs = 3\n", "variants 1: unknown key 'epochs'"),
    (
        f"{HEAD}controls = ['swaa']\n",
        "controls: unknown control 'swaa': did you mean 'swa'",
    ),
    (f"{HEAD}controls = 'ema'\n", "controls must be true or false or a valid list, not 'ema'"),
    (f"{HEAD}recipe = 'tuned'\n", "recipe must be a table or 'tune' or 'given', not 'tuned'"),
    (f"{HEAD}recipe = {{rho = 1}}\n", "recipe: unknown key 'rho'"),
    (f"{HEAD}engine = 'locl:2'\n", "engine: unknown engine 'locl': did you mean 'local'"),
    (
        f"{HEAD}flatness = {{samples = 0}}\n",
        "flatness, samples must be greater than or equal to 1, not 0",
    ),
    (f"{HEAD}flatness = 'yes'\n", "flatness must be true or false or a table, not 'yes'"),
    (f"{HEAD}[flatness]\nsampels = 3\n", "flatness: unknown key 'sampels': did you mean 'samples'"),
    (f"{HEAD}variants = ['sam']\n", "variants 1 must be a table, not 'sam'"),
    (
        f"{HEAD}{SAM}{SSSAM}schedule = 'late(2)'\n",
        "tasks 1: variants 2: schedule 'late(2)': f must be",
    ),
    (f"{HEAD}{SAM}{SSSAM}schedule = 'tune'\n", 'variants 2: schedule "tune" chooses among'),
    (f"{HEAD}{SAM}{SAM}average_start = 3\n", "variants 2: average_start must be less than 1"),
    ('tasks = ["digit"]\nseeds = 1\n', "tasks 1: unknown task 'digit': did you mean"),
    ('tasks = [{label = "a"}]\nseeds = 1\n', "tasks 1: name is missing"),
    ('tasks = [{name = "digits", epoch = 2}]\nseeds = 1\n', "tasks 1: task 'digits': unkn"),
    ('tasks = [{name = "digits", epochs = true}]\nseeds = 1\n', "epochs must be a valid integer"),
    ('tasks = [{name = "digits", model = {nam = "a"}}]\nseeds = 1\n', "unknown key 'nam'"),
    ('tasks = [{name = "cifar10", data = "no"}]\nseeds = 1\n', "data path 'no' does not exist"),
    ('tasks = ["digits", "digits"]\nseeds = 1\n', "task 'digits': its folder is taken"),
    (
        'tasks = [{name = "digits", label = "a b"}, {name = "digits", label = "A-b"}]\nseeds = 1\n',
        "tasks 2: task 'A-b': its folder is taken, give the task another label",
    ),
    (
        'tasks = ["digits", {name = "digits", label = "records"}]\nseeds = 1\n',
        "task 'records': its folder is taken",
    ),
    (
        f"{HEAD}{SAM.replace('0.1', '[0.1, 0.2]')}[[variants]]\nkind = 'asam'\nrho = [1, 2, 3]\n",
        "equally many trials, and the base no fewer, but they have base 12, SAM 2, ASAM 3",
    ),
    (
        f"tasks = ['digits']\nseeds = [1000]\n{SAM}",
        "seed 1000 is among seeds and among tuning_seeds",
    ),
    (
        f"{HEAD}{SSSAM}schedule = 'linear(0.5)'\nbudget = 1.1\n",
        "tasks 1: variants 1: budget 1.1 can't be met: linear(0.5, 1.0) over 260 steps",
    ),
]

LINES = [
    (f"{HEAD}epoch = 3\n", 3),
    (f"{HEAD}{SAM}roh = 1\n", 6),
    (f"{HEAD}{SAM}{SAM.replace('0.1', '-1')}", 8),
    (f"{HEAD}\n{SAM}\n# a comment\n{SSSAM}budget = 1.1\nschedule = 'linear(0.5)'\n", 9),
    (f"{HEAD}{SSSAM}", 3),
    (f"{HEAD}controls = ['swaa']\n", 3),
    (f"{HEAD}[recipe]\nlearning_rate = 0\n", 4),
    ('seeds = 1\n[[tasks]]\nname = "digits"\n[[tasks]]\nname = "digit"\n', 4),
    ("tasks = ['digits']\nseeds = [1, -1]\n", 2),
]


@pytest.mark.parametrize(("text", "said"), BAD, ids=[said for _, said in BAD])
def test_a_bad_file_is_named_with_the_place(tmp_path, text, said):
    with pytest.raises((ValueError, FileNotFoundError)) as raised:
        read(tmp_path, text)
    shown = str(raised.value)
    assert shown.startswith(str(tmp_path / "study.toml"))
    assert said in shown
    assert "\n" not in shown


@pytest.mark.parametrize(("text", "line"), LINES)
def test_the_text_ends_with_the_line(tmp_path, text, line):
    with pytest.raises(ValueError, match=rf" \(line {line}\)$"):
        read(tmp_path, text)


def test_a_library_that_is_missing_is_named_with_the_place(tmp_path, monkeypatch):
    def find(*_):
        raise ModuleNotFoundError("needs datasets: install sssam[lab]")

    monkeypatch.setattr(tasks, "find", find)
    with pytest.raises(ModuleNotFoundError, match=r"study\.toml: tasks 1: needs datasets"):
        read(tmp_path, HEAD)


def test_a_file_of_another_encoding(tmp_path):
    path = tmp_path / "study.toml"
    path.write_bytes(b'name = "a"\n# caf\xe9\n')
    with pytest.raises(ValueError, match=r"study\.toml: .*0xe9.*: save the file as text in UTF-8"):
        studyfile.read(path)


def test_twelve_seeds_are_taken_unless_others_are_given(tmp_path):
    assert read(tmp_path, 'tasks = ["digits"]\n').seeds == tuple(range(12))


def test_no_file(tmp_path):
    with pytest.raises(IsADirectoryError, match="Is a directory"):
        studyfile.read(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nothing\.toml: No such file"):
        studyfile.read(tmp_path / "nothing.toml")
