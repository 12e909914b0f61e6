"""A real PostgreSQL for tests, as Debian has it."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from makers_ci import skip_or_fail
from sentiprism.studio.store.database import Database
from sentiprism.studio.store.tables import Table

try:
    import psycopg  # noqa: F401 - SQLAlchemy imports it by its name
except ImportError:
    skip_or_fail("psycopg (extra dev) is not installed")

PROGRAMS = ("initdb", "pg_ctl", "createdb")


@contextmanager
def serve_postgresql() -> Iterator[str]:
    """Start a server of its own; the address of an empty database."""
    initdb, control, create = map(shutil.which, PROGRAMS)
    if None in {initdb, control, create}:
        skip_or_fail(f"PostgreSQL's programs are not on the PATH ({', '.join(PROGRAMS)})")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="studio-pg-", dir="/tmp"))  # another user must get there
    user = None
    if os.geteuid() == 0:  # PostgreSQL does not run as root
        import pwd

        user = next((name for name in ("postgres", "nobody") if name in {one.pw_name for one in pwd.getpwall()}), None)
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)

    def run(*words: str) -> None:
        subprocess.run(words, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)

    data, log = str(folder / "data"), str(folder / "log")
    run(initdb, "-D", data, "-U", "me", "--auth=trust", "--no-sync")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    run(control, "-D", data, "-l", log, "-w", "-o", options, "start")
    try:
        run(create, "-h", "127.0.0.1", "-p", str(port), "-U", "me", "studio")
        yield f"postgresql://me@127.0.0.1:{port}/studio"
    finally:
        run(control, "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def empty_database(url: str, folder: Path) -> None:
    """Remove all rows, and leave the tables as the newest migration makes them.

    Args:
        url: of the database.
        folder: of a studio.
    """
    database = Database(folder, url)
    with database.write() as session:
        for table in Table.metadata.sorted_tables:
            session.execute(table.delete())
    database.close()
