"""`sssam`, `python -m sssam`, and so `torchrun -m sssam`: the command of the laboratory."""

import sys
from importlib.util import find_spec

#: What the laboratory's modules import: the extra `lab`, which a test holds equal.
NEEDED = (
    "altair",
    "cyclopts",
    "datasets",
    "filelock",
    "jinja2",
    "lightning_fabric",
    "loky",
    "numpy",
    "pandas",
    "PIL",
    "psutil",
    "pyarrow",
    "pydantic",
    "rich",
    "sklearn",
    "scipy",
    "vl_convert",
)


def main() -> int:
    """The command line `sssam`; 1, with what to install, where the laboratory is not installed."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        print(
            f"sssam: the command needs {', '.join(missing)}, not installed here: "
            "pip install 'sssam[lab]'",
            file=sys.stderr,
        )
        return 1
    from sssam.lab.cli import main as command

    return command()


if __name__ == "__main__":
    sys.exit(main())
