"""`sssam compare`."""

from sssam.lab.cli.options import EngineOptions, StudyOptions, TaskOptions
from sssam.lab.cli.refusals import refusing


def compare(
    what: str | None = None,
    *,
    study: StudyOptions = StudyOptions(),  # noqa: B008 -- frozen
    options: TaskOptions = TaskOptions(),  # noqa: B008 -- frozen
    how: EngineOptions = EngineOptions(),  # noqa: B008 -- frozen
) -> int:
    """Tune, train over several seeds, and show what each variant and control costs and gains.

    Runs that have a record are not trained again, so the same command goes on where it was
    stopped. The page, tables, records and figures are left in one directory. The exit code is 1 if
    runs failed, which are listed.

    Args:
        what: A task by name (sssam tasks lists them) or a Python file that makes one; a study file
            ending in .toml; or the directory of a study. Without it, noisy-digits is tuned and
            compared, over 16 epochs.
    """
    from sssam.lab.cli import results, studies

    with refusing():
        target = studies.resolve(what, study, options)
    return results.show(target, *studies.run(target, how), how.quiet)
