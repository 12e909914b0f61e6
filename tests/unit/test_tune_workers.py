"""Further processes of a study: what becomes of each is said."""

from sentiprism.tuning.workers import Workers


def test_a_process_that_fails_is_said_with_its_status_and_its_reason(tmp_path, capfd):
    notes: list[str] = []
    with Workers(tmp_path / "nothing", 2, {"device": "cpu"}, 1, 1, notes.append) as workers:
        assert workers.wait()
        assert notes == ["a process of the study failed (status 1); the others run its trials"]
        assert not workers.wait()
    assert len(notes) == 1
    assert "nothing" in capfd.readouterr().err


def test_it_costs_nothing_where_there_is_none(tmp_path):
    with Workers(tmp_path, 2, {"device": "cpu"}, 0, 1, print) as workers:
        assert not workers.wait()
