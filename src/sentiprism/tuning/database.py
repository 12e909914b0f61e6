"""Keep the trials of a study in a PostgreSQL database, which several machines share."""

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from zlib import crc32

from sentiprism.errors import UserError
from sentiprism.extras import install_extra
from sentiprism.files import write_text
from sentiprism.reading import read_text
from sentiprism.tuning.storage import JOURNAL, FolderStorage, StorageError, TrialStorage

VARIABLE = "SENTIPRISM_STORAGE"
"""Environment variable with the address of the database."""
FILE = "storage.txt"
"""In the study's folder: the address without its password."""
ADDRESS = "postgresql+psycopg://"
"""Of SQLAlchemy's engines, whose connections are made by `DatabaseStorage`."""
SECRETS = ("password", "sslpassword", "oauth_client_secret")
"""Parts of an address that are never shown or stored."""
SILENCE = 60
"""Seconds without a sign of life after which the process of a trial is treated as ended."""
BEATS = 6
"""Signs of life within `SILENCE`."""
CONNECT_TIMEOUT = 10
"""Seconds."""
LOCK_TIMEOUT = 60
"""Seconds that a process waits for others that start or end a trial, which takes them well below a second."""
LOCKS = 0x5E1172
"""First number of the advisory locks."""
SCHEMA = 0
"""Second number of the lock for making tables; a study's is computed from its name."""
SESSION = ("timezone = 'UTC'", "tcp_keepalives_idle = 30", "tcp_keepalives_interval = 10", "tcp_keepalives_count = 3")
"""Of every connection: one clock for all machines, and a machine that lost its power soon loses its locks."""


def open_storage(folder: Path, address: str | None) -> TrialStorage:
    """Storage of a study: the database that is given, else that of the environment or the folder, else its journal.

    Raises:
        UserError: the address is not one of PostgreSQL, its driver is not installed, or the trials are in the folder.
    """
    given = address if address is not None else os.environ.get(VARIABLE) or None
    if given is None and os.path.lexists(folder / FILE):
        given = read_text(folder / FILE, what="address of a database").strip()
    if given is None:
        return FolderStorage(folder)
    if (folder / JOURNAL).exists():
        remedy = f"choose another `out` for a study in a database, or give no `storage` (and no {VARIABLE})"
        raise UserError(f"the trials of {folder} are in its {JOURNAL}", remedy)
    return DatabaseStorage(folder, given)


def describe_address(address: str) -> str:
    """Address of a PostgreSQL database as keywords, without passwords.

    Raises:
        UserError: it is not one, or psycopg is not installed.
    """
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict, make_conninfo
    except ImportError:
        raise UserError("psycopg is not installed", install_extra("postgresql")) from None
    try:
        parts = conninfo_to_dict(address)
    except psycopg.Error:  # whose message may have parts of a password
        parts = {}
    ports = str(parts.get("port", "")).replace(",", "")
    split = any("@" in str(parts.get(key, "")) for key in ("host", "port", "dbname"))  # by a character of the password
    if not parts or split or not (ports.isdecimal() or not ports):
        remedy = "write it as postgresql://user@host/database (with %40 for @ in a password) or service=NAME"
        raise UserError("`storage` is not an address of a PostgreSQL database", remedy)
    return make_conninfo("", **{key: value for key, value in parts.items() if key not in SECRETS})


class DatabaseStorage:
    """Optuna's tables in a PostgreSQL database; the name of the study is that of its folder.

    A process that runs a trial gives signs of life by the database's clock. Starting and ending trials is serialised by
    an advisory lock, which the server releases when a process is killed.

    Args:
        folder: of the study on this machine.
        address: of the database, as libpq reads it: a URL or keywords. A password that it does not have is looked up
            where libpq does (``PGPASSWORD``, ``~/.pgpass``, a service file).

    Raises:
        UserError: the address is not one of PostgreSQL, or psycopg is not installed.
    """

    remedy = "choose another `out`"
    several_machines = True

    def __init__(self, folder: Path, address: str) -> None:
        from sqlalchemy import create_engine

        self.folder, self._address, self._public = folder, address, describe_address(address)
        name = folder.resolve().name
        self.shown = f"study {name!r} in the database {self._public}"
        self._key = crc32(name.encode()) - 2**31
        self.environment: Mapping[str, str] = {
            VARIABLE: address
        }  # a command line would be seen by every user of the machine
        self._storage: Any = None
        self._heartbeat: _Heartbeat | None = None
        self._engine = create_engine(ADDRESS, **self._settings())

    def _settings(self) -> dict[str, Any]:
        return {"creator": self._connect, "pool_pre_ping": True}

    def _connect(self) -> Any:
        """A connection; made here, so that the address with its password is in no object of SQLAlchemy or Optuna."""
        import psycopg

        given: dict[str, Any] = {} if "connect_timeout" in self._public else {"connect_timeout": CONNECT_TIMEOUT}
        connection = psycopg.connect(self._address, **given)
        for setting in SESSION:
            connection.execute(f"SET {setting}")
        connection.commit()
        return connection

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn errors of the database into one line."""
        from optuna.exceptions import StorageInternalError
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except (StorageInternalError, SQLAlchemyError) as error:
            told = error if isinstance(error, SQLAlchemyError) else error.__cause__
            reason = str(getattr(told, "orig", None) or told or error).partition("\n")[0]
            cause = f"the database {self._public} cannot be used: {reason}"
            raise StorageError(cause, "check `storage`, and that its server is running") from None

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the study's advisory lock."""
        with self._locked(self._key):
            yield

    @contextmanager
    def _locked(self, key: int) -> Iterator[None]:
        from sqlalchemy import text

        with self.errors(), self._engine.begin() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:group, :key)"), {"group": LOCKS, "key": key})
            yield

    def open(self) -> Any:
        """Open Optuna's storage, whose tables are made if they do not exist."""
        from optuna.storages import RDBStorage

        try:
            with self._locked(SCHEMA):
                self._storage = RDBStorage(ADDRESS, engine_kwargs=self._settings())
        except RuntimeError as error:  # tables of another version of Optuna
            raise UserError(f"{self.shown}: {error}", "use one version of Optuna on every machine") from None
        return self._storage

    def remember(self) -> None:
        """Write the address without passwords."""
        write_text(self.folder / FILE, self._public + "\n")

    def hold(self, trial: Any) -> None:
        """Start the signs of life."""
        self._heartbeat = _Heartbeat(self._storage, trial._trial_id)

    def release(self, number: int) -> None:
        """Stop the signs of life; a process runs one trial at a time."""
        del number
        if self._heartbeat is not None:
            self._heartbeat.stop()
            self._heartbeat = None

    def ended(self, running: Iterable[Any]) -> list[Any]:
        """Trials that were silent for too long; a process gives the first sign of life while it holds the lock."""
        from sqlalchemy import text

        query = (
            "SELECT trial_id FROM trial_heartbeats"
            " WHERE heartbeat > (clock_timestamp() AT TIME ZONE 'UTC') - make_interval(secs => :silence)"
        )
        with self.errors(), self._engine.begin() as connection:
            alive = set(connection.execute(text(query), {"silence": SILENCE}).scalars())
        return [trial for trial in running if trial._trial_id not in alive]

    def close(self) -> None:
        """Stop the signs of life and close all connections."""
        self.release(-1)
        self._engine.dispose()
        if self._storage is not None:
            self._storage.remove_session()
            self._storage.engine.dispose()


class _Heartbeat:
    """Thread that records signs of life of a trial; while the database is away, it tries again."""

    def __init__(self, storage: Any, trial_id: int) -> None:
        self._storage, self._trial_id = storage, trial_id
        self._stopped = threading.Event()
        storage.record_heartbeat(trial_id)
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        from optuna.exceptions import StorageInternalError
        from sqlalchemy.exc import SQLAlchemyError

        while not self._stopped.wait(SILENCE / BEATS):
            with suppress(StorageInternalError, SQLAlchemyError):
                self._storage.record_heartbeat(self._trial_id)
        self._storage.remove_session()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(CONNECT_TIMEOUT)
