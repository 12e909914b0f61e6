"""The studio's database: migrations, transactions, two servers at once."""

import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from sentiprism.errors import UserError
from sentiprism.studio.store.database import FILE, Database
from sentiprism.studio.store.tables import JobRow, SettingRow, Table

OPEN = """
import sys
from pathlib import Path
from sentiprism.studio.store.database import Database
Database(Path(sys.argv[1])).close()
"""


def job(**more) -> JobRow:
    return JobRow(kind="train", title="x", parameters={"a": [1, None]}, host="here", workspace="/", **more)


@pytest.fixture
def database(tmp_path):
    opened = Database(tmp_path / "studio")
    yield opened
    opened.close()


def test_migrations_make_the_tables_that_the_code_has(database):
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2, "a commit is on the disk"


def test_rows_come_back_as_they_were(database):
    with database.write() as session:
        session.add(added := job())
    with database.read() as session:
        found = session.get_one(JobRow, added.id)
    assert found.parameters == {"a": [1, None]}
    assert found.created.utcoffset().total_seconds() == 0
    assert (found.state, found.attempts) == ("queued", 0)


def test_a_transaction_that_fails_leaves_nothing(database):
    def fail() -> None:
        with database.write() as session:
            session.add(job())
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.read() as session:
        assert session.query(JobRow).count() == 0


def test_writers_wait_for_each_other(database):
    with database.write() as session:
        session.add(SettingRow(name="count", value={"n": 0}))

    def increase(_: int) -> None:
        with database.write() as session:
            found = session.get_one(SettingRow, "count")
            found.value = {"n": found.value["n"] + 1}

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(increase, range(40)))
    with database.read() as session:
        assert session.get_one(SettingRow, "count").value == {"n": 40}


def test_studios_that_start_at_once_migrate_one_after_the_other(tmp_path):
    folder = tmp_path / "studio"
    started = [subprocess.Popen([sys.executable, "-c", OPEN, str(folder)]) for _ in range(3)]
    assert [one.wait() for one in started] == [0, 0, 0]
    Database(folder).close()


def test_a_migration_that_fails_leaves_nothing(tmp_path, monkeypatch):
    from sentiprism.studio.store.migrations.versions import m0001_frame

    folder = tmp_path / "studio"
    folder.mkdir()
    with sqlite3.connect(folder / FILE) as blocked:
        blocked.execute("CREATE TABLE settings (x)")  # the last one that the first migration makes
    with pytest.raises(UserError, match="settings already exists"):
        Database(folder)
    with sqlite3.connect(folder / FILE) as left:
        names = {name for (name,) in left.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert names == {"settings"}
    assert m0001_frame.down_revision is None


def test_a_database_of_a_later_version_is_refused(tmp_path, database):
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UserError, match=r"another version.*update sentiprism"):
        Database(database.folder)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "not a database URL"),
        ("mysql://root@localhost/x", "cannot use mysql"),
        ("sqlite:////proc/nothing/x.sqlite3", "cannot be used"),
    ],
)
def test_a_database_that_cannot_be_used_is_refused_in_one_line(tmp_path, url, said):
    with pytest.raises(UserError, match=said):
        Database(tmp_path / "studio", url)


@pytest.mark.skipif(find_spec("psycopg") is None, reason="psycopg (extra dev) is not installed")
def test_a_password_is_not_shown(tmp_path):
    with pytest.raises(UserError) as caught:
        Database(tmp_path / "studio", "postgresql://me:s3cret@127.0.0.1:1/x")
    assert "s3cret" not in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
def test_the_folder_is_the_users_own(database):
    assert stat.S_IMODE(database.folder.stat().st_mode) == 0o700
