"""The studio on a real PostgreSQL, which the test starts."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from makers_label import open_task, rows
from makers_postgresql import empty_database
from makers_processes import needs_proc
from makers_studio import follow, open_runner, row, training
from sentiprism.errors import UserError
from sentiprism.studio.collections import Collections
from sentiprism.studio.labelling.rating import Rating, join_task, store_rating
from sentiprism.studio.labelling.results import read_results
from sentiprism.studio.labelling.tasks import Tasks
from sentiprism.studio.store.database import Database
from sentiprism.studio.store.label_tables import LabelRatingRow
from sentiprism.studio.store.tables import RecordingRow

pytestmark = needs_proc


@pytest.fixture
def empty(url, home) -> str:
    """The database without rows."""
    empty_database(url, home / "studio")
    return url


def test_studios_that_start_at_once_migrate_one_after_the_other(url, tmp_path):
    def open_one(number: int) -> None:
        Database(tmp_path / str(number), url).close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(open_one, range(4)))


def test_a_job_runs_to_its_end(empty, home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runner = open_runner(home, empty)
    job = runner.add("train", "a training", training(), tmp_path)
    assert follow(runner, job, "done", "failed").state == "done"
    assert row(runner, job).result == {"run": "runs/tiny"}
    assert row(runner, job).created.tzinfo is not None
    runner.database.close()


@pytest.mark.parametrize("most", [3, 16])
def test_two_servers_never_take_the_same_job_or_too_many(empty, home, tmp_path, most):
    runners = [open_runner(home, empty) for _ in range(2)]
    runners[0].set_at_once(most)
    jobs = [runners[0].add("train", str(n), training(), tmp_path) for n in range(12)]
    with ThreadPoolExecutor(8) as pool:
        taken = [one.id for one in pool.map(lambda n: runners[n % 2]._claim(), range(24)) if one is not None]
    assert len(set(taken)) == len(taken) == min(most, 12)
    assert sorted(row(runners[0], job).attempts for job in jobs) == [0] * (12 - len(taken)) + [1] * len(taken)
    for runner in runners:
        runner.database.close()


def test_the_same_rating_sent_many_times_at_once_is_stored_once_for_each_rater(empty, home):
    database = Database(home / "studio", empty)
    tasks = Tasks(database, home / "studio")
    made = open_task(tasks, rows(1))
    raters = [join_task(tasks, made.id, name) for name in ("Ann", "Ben")]
    key = ("full", made.segments[0])

    def send(n: int) -> None:
        store_rating(tasks, made.id, raters[n % 2], key, Rating(float(n % 2), "", "one form", 0))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, range(24)))
    assert read_results(tasks, tasks.get(made.id)).values(key) == [0.0, 1.0]
    with database.read() as session:
        assert session.query(LabelRatingRow).count() == 2
    database.close()


def test_a_server_that_is_away_is_told_in_one_line_without_the_password(tmp_path):
    with pytest.raises(UserError, match="check `database`") as caught:
        Database(tmp_path / "studio", "postgresql://me:s3cret@127.0.0.1:1/x")
    assert "s3cret" not in str(caught.value)


def test_a_collection_keeps_attributes_and_loses_deleted_recordings(url, tmp_path):
    database = Database(tmp_path, url)
    rows = [RecordingRow(name=f"{n}.wav", suffix=".wav", content=f"{n:064}", size=1, kind="audio") for n in range(2)]
    with database.write() as session:
        session.add_all(rows)
    collections = Collections(database)
    made = collections.create("Interviews")
    assert collections.add_matching(made, ".wav") == 2
    assert collections.set_values(made, {rows[0].id: {"group": "a", "unknown": "x"}}) == 1
    with database.write() as session:
        session.delete(session.get_one(RecordingRow, rows[1].id))
    assert [(one.row.id, one.attributes) for one in collections.members(made)] == [(rows[0].id, {"group": "a"})]
    assert [one.recordings for one in collections.every()] == [1]
    database.close()
