"""Help, of the command and of its commands, loads none of what training and pages need."""

import json
import shlex
import subprocess
import sys
import tomllib
from inspect import signature
from pathlib import Path

import pytest

from sssam import __main__ as command
from sssam.lab.cli import COMMANDS, app, main
from sssam.lab.cli.time import time
from sssam.lab.training import timing

LIGHT = {"attr", "attrs", "cyclopts", "docstring_parser", "markdown_it", "mdurl", "pygments"}


NAMES = [command.__name__.strip("_") for command in COMMANDS]


@pytest.mark.parametrize("command", NAMES)
def test_every_command_has_help_that_ends_in_its_own_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--help"]) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[0].startswith(f"Usage: sssam {command}")
    assert lines[-1].startswith(f"Example: sssam {command}")
    words = shlex.split(lines[-1].removeprefix("Example: sssam "))
    app.parse_args(words, exit_on_error=False, print_error=False)


def test_help_and_version_load_nothing_heavy() -> None:
    words = [["--help"], ["--version"], *([name, "--help"] for name in NAMES)]
    code = (
        "import json, sys; before = set(sys.modules)\n"
        "from sssam.__main__ import main\n"
        f"for words in {words}:\n"
        "    sys.argv[1:] = words; assert main() == 0\n"
        "names = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(json.dumps(sorted(names - set(sys.stdlib_module_names))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout.splitlines()[-1])) <= {*LIGHT, "rich", "sssam"}
    for name in NAMES:
        assert f"│ {name} " in done.stdout


@pytest.mark.parametrize("words", [["--help"], ["compare", "--help"]], ids=" ".join)
def test_the_module_s_help_loads_neither_torch_nor_data_sets(words: list[str]) -> None:
    """As `python -m sssam` runs, whose end is `sys.exit`."""
    code = (
        f"import atexit, runpy, sys; sys.argv[1:] = {words}\n"
        "atexit.register(lambda: print('loaded', *sorted(sys.modules)))\n"
        "runpy.run_module('sssam', run_name='__main__', alter_sys=True)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    shown, loaded = done.stdout.split("\nloaded ")
    assert "Usage: " in shown
    assert not {"torch", "datasets", "lightning_fabric"} & set(loaded.split())


def test_importing_the_library_loads_nothing_until_a_name_is_used() -> None:
    code = (
        "import sys, sssam; assert 'torch' not in sys.modules; sssam.SAM;"
        "assert 'torch' in sys.modules and 'sssam.lab' not in sys.modules;"
        "assert set(sssam.__all__) <= set(dir(sssam)); from sssam import *; Draws"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_a_name_that_the_library_does_not_have_is_an_error() -> None:
    import sssam

    with pytest.raises(AttributeError, match="'SAMM'"):
        sssam.SAMM  # noqa: B018


def test_the_options_are_those_of_the_modules_that_help_does_not_load() -> None:
    assert signature(time).parameters["seconds"].default == timing.ENOUGH


def test_without_the_extra_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = lambda name: None if name == "altair" else name  # noqa: E731
    monkeypatch.setattr(command, "find_spec", found)
    assert command.main() == 1
    error = capsys.readouterr().err
    assert "needs altair" in error
    assert "pip install 'sssam[lab]'" in error


def test_what_the_command_needs_is_the_extra() -> None:
    modules = {"pillow": "PIL", "scikit-learn": "sklearn", "vl-convert-python": "vl_convert"}
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    extra = [each.split(">=")[0] for each in project["project"]["optional-dependencies"]["lab"]]
    needed = [modules.get(name, name.replace("-", "_")) for name in extra]
    assert sorted(command.NEEDED) == sorted(needed)
