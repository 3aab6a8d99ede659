"""Runs by their records: those that have one are read, the others are trained, with progress."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.text import Text

from sssam.lab.engines import Engine
from sssam.lab.runs import dispatch
from sssam.lab.runs import store as records
from sssam.lab.runs.progress import showing
from sssam.lab.runs.worker import Settings
from sssam.lab.specs import Record, Run
from sssam.lab.training import hardware


@dataclass
class Trainer:
    """Trains runs that have no record, and gives the records of all that were asked for so far.

    A record is read once, however often its run is asked for. `stored` are all so far, by id;
    `trained` is the number of those that were trained here. Progress goes to `console`, and
    what was found before, unless it is to be `quiet`; with `retry_failed` runs that failed are
    trained anew, once.

    Raises:
        ValueError: an accelerator that this machine lacks.
    """

    directory: Path
    engine: Engine
    settings: Settings
    console: Console
    quiet: bool = False
    retry_failed: bool = False
    stored: dict[str, Record] = field(default_factory=dict, init=False)
    trained: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.engine.on_this_machine:
            hardware.require(self.settings.accelerator)

    def __call__(
        self, asked: Sequence[Run], title: str = "choosing", *, test: bool = False
    ) -> Mapping[str, Record]:
        """The records of these runs and of those before, by id.

        Unless they are to `test`, values are chosen by them, and neither the test set nor flatness
        is measured. The title stands before the progress. Raises as `dispatch.run_missing`.
        """
        settings = self.settings if test else self.settings._replace(test=False, flatness=None)
        new = [run for run in asked if not settings.answered_by(self.stored.get(run.id))]
        stored = records.read_runs(new, self.directory)
        report_bad_files(stored.bad_files, self.console)
        kept = dict(stored.by_id)
        for record in stored.failed() if self.retry_failed else ():
            path = self.directory / f"{kept.pop(record.id).id}.json"
            records.quarantine([records.BadFile(path, "failed, and tried again")])
        self.stored |= kept
        missing = dispatch.missing(new, kept, settings)
        if missing:
            self.say_finished(len(asked) - len(missing), len(asked))
            self.stored |= self._train(missing, settings, title)
            self.trained += len(missing)
        return self.stored

    def _train(
        self, missing: Sequence[Run], settings: Settings, title: str
    ) -> Mapping[str, Record]:
        title = f"{missing[0].task.name}, {title}"
        try:
            with showing(title, len(missing), self.console, self.quiet) as progress:
                return dispatch.run_missing(
                    missing, self.directory, settings, engine=self.engine, on_record=progress.ended
                ).by_id
        except KeyboardInterrupt as stop:
            stop.add_note(
                f"finished runs are kept in {self.directory}; the same command goes on from there"
            )
            raise

    def say_finished(self, number: int, total: int) -> None:
        """Says how many of the runs had a record, unless it is none."""
        if number and not self.quiet:
            rest = f"{total - number} to train" if number < total else "nothing was trained"
            text = f"{number} of {total} runs were finished before, in {self.directory}: {rest}"
            self.console.print(Text(text), soft_wrap=True)


def report_bad_files(bad_files: Sequence[records.BadFile], console: Console) -> None:
    """Names the files among the records that are none."""
    for bad in bad_files:
        console.print(Text(f"passed over, no record: {bad}", style="yellow"), soft_wrap=True)
