from pathlib import Path

import pytest


@pytest.fixture
def written(tmp_path: Path):
    """Writes a file and gives its path."""

    def write(text: str, name: str = "mine.py") -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write
