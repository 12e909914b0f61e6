"""Open the database: SQLite in the data folder, or PostgreSQL by URL."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.orm import Session

from sentiprism.errors import UserError
from sentiprism.extras import install_extra
from sentiprism.files import exclusive, make_folder
from sentiprism.studio.store import label_tables  # noqa: F401 - tables that are a part of the schema

FILE = "studio.sqlite3"
BUSY = 20_000
"""Milliseconds that a writer waits for another."""
MIGRATION_LOCK = 0x5E1171
"""Of PostgreSQL's advisory locks: two studios that start at once migrate one after the other."""
DRIVER = "psycopg"


class Database:
    """The studio's database, with its tables up to date.

    Args:
        folder: of the studio's own data.
        url: of a PostgreSQL or SQLite database; by default a SQLite file in ``folder``.

    Raises:
        UserError: it cannot be opened.
    """

    def __init__(self, folder: Path, url: str | None = None) -> None:
        make_folder(folder)
        if hasattr(os, "chmod"):
            folder.chmod(0o700)  # sessions and recordings are nobody else's business
        self.folder = folder
        self.engine = _engine(url or f"sqlite:///{folder / FILE}")
        self._writing = self.engine.execution_options(immediate=True)
        self._migrate()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Yield a session that only reads."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Yield a session in one transaction, committed at the end: all of it or nothing is kept."""
        with Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _migrate(self) -> None:
        config = alembic.config.Config()
        config.set_main_option("script_location", "sentiprism:studio/store/migrations")
        config.set_main_option("path_separator", "os")
        try:
            with exclusive(self.folder / "migration"), self._writing.begin() as connection:
                if connection.dialect.name == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
                config.attributes["connection"] = connection
                alembic.command.upgrade(config, "head")
        except SQLAlchemyError as error:
            shown = self.engine.url.render_as_string(hide_password=True)
            cause = f"the database {shown} cannot be used: {getattr(error, 'orig', None) or error}"
            raise UserError(cause, "check `database`, and that its server is running") from None
        except alembic.util.exc.CommandError as error:
            raise UserError(f"the database is of another version: {error}", "update sentiprism") from None


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UserError("`database` is not a database URL", _EXAMPLE) from None  # which may have a password
    backend = parsed.get_backend_name()
    if backend not in {"sqlite", "postgresql"}:
        raise UserError(f"the studio cannot use {backend}", _EXAMPLE)
    if backend == "postgresql":
        parsed = parsed.set(drivername=f"postgresql+{DRIVER}")
    try:
        engine = create_engine(parsed, pool_pre_ping=backend == "postgresql")
    except (ImportError, NoSuchModuleError):
        raise UserError(f"{DRIVER} is not installed", install_extra("postgresql")) from None
    if backend == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


_EXAMPLE = "for example: `database` postgresql://user@localhost/studio"


def _set_up_sqlite(connection: Any, record: object) -> None:
    """Write ahead, synchronise each commit, and leave transactions to `_begin_sqlite`."""
    del record
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY}", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock first: a reader that becomes a writer could not wait for another one."""
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
