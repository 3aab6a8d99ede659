"""`python -m sssam`, and so `torchrun -m sssam`: the command of the laboratory."""

import sys


def main() -> int:
    """The command line `sssam`; 1, with what to install, where the laboratory is not installed."""
    try:
        from sssam.lab.cli import main as command
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("sssam"):
            raise
        print(
            f"sssam: the command needs the library {error.name!r}, which is not installed: "
            "pip install 'sssam[lab]'",
            file=sys.stderr,
        )
        return 1
    return command()


if __name__ == "__main__":
    sys.exit(main())
