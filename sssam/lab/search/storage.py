"""Where a search is kept: an Optuna study in a journal file, or in a database of Optuna's."""

import getpass
import hashlib
import os
import re
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from sssam.lab.runs import store as records
from sssam.lab.search.design import Design

#: Seconds between two signs of life of a process at a database, and after which it is held dead.
HEARTBEAT, GRACE = 60, 300

_DESIGN = "design"


@dataclass(frozen=True)
class Place:
    """A journal's path or a database's URL, as a command line names it."""

    where: str

    @property
    def is_journal(self) -> bool:
        """Whether it is a file of ours, and no URL."""
        return "://" not in self.where

    @property
    def folder(self) -> Path:
        """Where the processes of this machine that are at this storage tell each other apart."""
        if self.is_journal:
            return Path(self.where).absolute().parent
        digest = hashlib.sha256(self.where.encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir(), f"sssam-search-{getpass.getuser()}-{digest}")

    def open(self) -> BaseStorage:
        """The storage; a journal that does not exist is made.

        Raises:
            ValueError: the file is no journal, the URL is none, or its driver is not installed.
            ConnectionError: the database can't be reached.
        """
        optuna.logging.set_verbosity(optuna.logging.ERROR)  # a search tells of its own trials
        return self._journal() if self.is_journal else self._database()

    def _journal(self) -> BaseStorage:
        path = Path(self.where)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            mend(path)
            return JournalStorage(JournalFileBackend(str(path)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"--storage is {self.where!r}, which is no journal of a search: name another file"
            ) from error

    def _database(self) -> BaseStorage:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # of the heartbeat
            try:
                return RDBStorage(self.where, heartbeat_interval=HEARTBEAT, grace_period=GRACE)
            except (ArgumentError, ImportError) as error:
                raise ValueError(f"--storage is {self._hidden}: {_first_line(error)}") from error
            except (StorageInternalError, SQLAlchemyError, OSError) as error:
                raise ConnectionError(
                    f"--storage {self._hidden} can't be reached: {_first_line(error)}"
                ) from error

    @property
    def _hidden(self) -> str:
        """The place for messages, without a password."""
        return repr(re.sub(r"(://[^/@:]*):[^/@]*@", r"\1:***@", self.where))


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def mend(path: Path) -> None:
    """Moves a torn last line of a journal, left where a machine stopped, into `aside`.

    A later line would be written onto it, and then none could be read.
    """
    if not path.exists() or path.stat().st_size == 0 or _ends_whole(path):
        return
    lock = JournalFileSymlinkLock(str(path))
    lock.acquire()
    try:
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            torn = records.reserved(path.parent / records.ASIDE, f"{path.name}.torn")
            torn.write_bytes(content[whole:])
            os.truncate(path, whole)
    finally:
        lock.release()


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def study(design: Design, storage: BaseStorage) -> optuna.Study:
    """The Optuna study of a search, new or gone on with.

    Raises:
        ValueError: a study of that name is of another design; the text names what differs.
    """
    found = _loaded(design.name, storage)
    mine = design.model_dump_json()
    kept = found.user_attrs.get(_DESIGN)
    if kept is None:
        found.set_user_attr(_DESIGN, mine)
    elif changed := design.differing(Design.model_validate_json(kept)):
        raise ValueError(
            f"the storage holds a search {design.name!r} with another {', '.join(changed)}: search "
            "as before, or name another --out or --storage"
        )
    return found


def _loaded(name: str, storage: BaseStorage) -> optuna.Study:
    try:
        return optuna.load_study(study_name=name, storage=storage)
    except KeyError:  # made with load_if_exists: another process may be the first
        return optuna.create_study(
            storage=storage, study_name=name, direction="maximize", load_if_exists=True
        )
