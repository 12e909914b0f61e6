"""Labelling without its pages: raters, their orders, ratings that stay, boundaries, decisions, tables."""

import csv
import io
import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

from makers_label import CUTS, last_of, open_task, order_of, rate_all, rows
from sentiprism.analysis.cuts import COLUMNS, read_cuts
from sentiprism.data.importers.columns import read_columns
from sentiprism.data.importers.ratings import read_ratings
from sentiprism.errors import UserError
from sentiprism.studio.jobs.cutting import BINS, find_peaks
from sentiprism.studio.labelling.cuts import RatedError, count_set_aside, parse_cuts, save_cuts, version_of
from sentiprism.studio.labelling.export import label_rows, plain, rating_rows, write_rows
from sentiprism.studio.labelling.rating import Rating, StaleError, join_task, store_rating
from sentiprism.studio.labelling.results import combine, decide, decide_rest, read_results
from sentiprism.studio.labelling.scales import Scale
from sentiprism.studio.labelling.tasks import Tasks
from sentiprism.studio.store.database import Database
from sentiprism.studio.store.label_tables import LabelRatingRow

ABOUT = {"who": "Judge", "comment": "", "once": "1"}


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studio")
    database = Database(folder)
    yield Tasks(database, folder)
    database.close()


def results_of(tasks, task):
    return read_results(tasks, tasks.get(task))


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def sent(tasks, made, number: int, changed=lambda cuts: None) -> list[dict]:
    """Boundaries of a recording as the editor sends them, with a change."""
    own = tasks.get(made.id).segments_of(made.recordings[number])
    cuts = [{"id": one.id, "start": one.start, "end": one.end, "text": one.text} for one in own]
    changed(cuts)
    return parse_cuts(json.dumps(cuts), 10.0, own)


def save(tasks, made, cuts, *, number: int = 0, sure: bool = False, version: str | None = None) -> int:
    own = tasks.get(made.id).segments_of(made.recordings[number])
    return save_cuts(tasks, made.id, made.recordings[number], cuts, version=version or version_of(own), sure=sure)


def test_scales_take_their_own_values_alone():
    scale = Scale.of_steps("3")
    assert scale.values == (-3, -2, -1, 0, 1, 2, 3)
    assert Scale.of_steps("1-half").values == (-1, -0.5, 0, 0.5, 1)
    assert [scale.show(value) for value in (-3, 0, 1.5, 2 / 3)] == ["−3", "0", "+1.5", "+0.67"]
    for wrong in ("4", "nan", "inf", "1.5", "", "1e0", "--1", "0x1", "１", "true"):
        with pytest.raises(UserError, match="not on the scale"):
            scale.parse_rating(wrong)
    assert (scale.parse_rating("-3"), scale.parse_label("1,25"), scale.parse_label("−0.5")) == (-3, 1.25, -0.5)
    for wrong in ("nan", "3.01", "-inf", "x", "1" * 30):
        with pytest.raises(UserError, match="number from -3 to 3"):
            scale.parse_label(wrong)
    moods = Scale.of_classes("sad, neutral ,glad")
    assert moods.classes == ("sad", "neutral", "glad")
    assert moods.to_csv(2.0) == "glad"
    for wrong in ("sad", "sad, Sad", ",".join(map(str, range(13))), "a," + "x" * 41):
        with pytest.raises(UserError):
            Scale.of_classes(wrong)


def test_each_rater_has_an_order_that_stays_and_passes_come_one_after_the_other(tasks):
    made = open_task(tasks, rows(8), passes=("text", "full"))
    one, other = join_task(tasks, made.id, "Ann"), join_task(tasks, made.id, "Ben")
    assert join_task(tasks, made.id, " ann ") == one, "a name is one rater"
    order = order_of(tasks, made.id, one)
    assert order == order_of(tasks, made.id, one)
    assert order != order_of(tasks, made.id, other)
    assert [seen for seen, _ in order] == ["text"] * 16 + ["full"] * 24, (
        "an utterance without words has no text to rate"
    )
    assert [s for _, s in order[16:]] != made.segments
    tasks.close(made.id)
    with pytest.raises(UserError, match="not open"):
        join_task(tasks, made.id, "Cem")


def test_a_rating_is_replaced_and_its_history_stays(tasks):
    made = open_task(tasks, rows(1))
    ann = rate_all(tasks, made.id, "Ann", [1.0, 2.0, None])
    key = ("full", made.segments[0])
    store_rating(tasks, made.id, ann, key, Rating(-1.0, "on second thought", "b", last_of(tasks, made.id, ann, *key)))
    assert results_of(tasks, made.id).values(key) == [-1.0]
    assert results_of(tasks, made.id).values(("full", made.segments[2])) == [], "cannot tell is not a value"
    history = rating_rows(tasks, results_of(tasks, made.id), named=True, history=True)
    assert [(row["value"], row["state"]) for row in history] == [
        ("1", "replaced"), ("2", "counts"), ("", "counts"), ("-1", "counts"),
    ]  # fmt: skip


def test_the_same_form_sent_many_times_at_once_is_one_rating(tasks):
    made = open_task(tasks, rows(1))
    ann, ben = (join_task(tasks, made.id, name) for name in ("Ann", "Ben"))
    key = ("full", made.segments[0])

    def send(n: int) -> None:
        store_rating(tasks, made.id, (ann, ben)[n % 2], key, Rating(float(n % 2), "", "one form", 0))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, range(16)))
    with tasks.database.read() as session:
        stored = session.query(LabelRatingRow).filter_by(task=made.id).all()
    assert {row.rater: row.value for row in stored} == {ann: 0.0, ben: 1.0}
    assert len(stored) == 2


def test_a_form_that_is_older_than_what_is_stored_is_refused(tasks):
    made, other = open_task(tasks, rows(1)), open_task(tasks, rows(1))
    ann = rate_all(tasks, made.id, "Ann", [1.0])
    rate = partial(store_rating, tasks, made.id)
    with pytest.raises(StaleError):
        rate(ann, ("full", made.segments[0]), Rating(3.0, "", "old form", 0))
    with pytest.raises(StaleError):
        rate(ann, ("full", other.segments[0]), Rating(3.0, "", "x", 0))
    for rater, seen in ((join_task(tasks, other.id, "Ann"), "full"), (ann, "text")):
        with pytest.raises(UserError, match="does not belong"):
            rate(rater, (seen, made.segments[1]), Rating(3.0, "", "y", 0))
    tasks.close(made.id)
    with pytest.raises(UserError, match="not open"):
        rate(ann, ("full", made.segments[1]), Rating(3.0, "", "z", 0))
    assert len(results_of(tasks, made.id).ratings) == 1


def test_unrated_boundaries_change_freely_and_what_is_the_same_keeps_its_identifier(tasks):
    made = open_task(tasks, rows(2))
    split = [
        {"id": made.segments[0], "start": 0, "end": 1.2, "text": "I"},
        {"start": 1.2, "end": 2, "text": "liked it."},
    ]
    assert save(tasks, made, sent(tasks, made, 0, lambda cuts: cuts.__setitem__(slice(0, 1), split))) == 0
    now = tasks.get(made.id).segments_of(made.recordings[0])
    assert [(one.start, one.end) for one in now] == [(0, 1.2), (1.2, 2), (3, 4.5), (5, 9)]
    assert [one.id for one in now[2:]] == made.segments[1:3]
    assert made.segments[0] not in {one.id for one in now}
    with pytest.raises(UserError, match="somebody else"):
        save(tasks, made, sent(tasks, made, 0), version="0" * 16)


def test_rated_boundaries_change_after_a_second_question_alone_and_nothing_is_lost(tasks):
    made = open_task(tasks, rows(1))
    rate_all(tasks, made.id, "Ann", [1.0, 2.0, 3.0])
    rate_all(tasks, made.id, "Ben", [0.0, 2.0])
    cuts = sent(tasks, made, 0, lambda cuts: cuts[0].update(end=1.5))
    with pytest.raises(RatedError) as asked:
        save(tasks, made, cuts)
    assert (asked.value.ratings, asked.value.segments) == (2, 1)
    assert [one.id for one in tasks.get(made.id).segments] == made.segments, "nothing has changed"
    assert save(tasks, made, cuts, sure=True) == 2
    found = results_of(tasks, made.id)
    assert found.values(("full", made.segments[1])) == [2.0, 2.0], "the others keep theirs"
    assert ("full", made.segments[0]) not in found.ratings
    assert count_set_aside(tasks, made.id) == 2
    history = rating_rows(tasks, found, named=True, history=True)
    assert [row["value"] for row in history if row["state"] == "set aside"] == ["1", "0"]


@pytest.mark.parametrize(
    "wrong",
    ["", "{}", "[1]", '[{"start": 0}]', '[{"start": NaN, "end": 1}]', '[{"start": -1, "end": 1}]',
     '[{"start": 2, "end": 1}]', '[{"start": 0, "end": 11}]', '[{"start": 0, "end": 3}, {"start": 2, "end": 4}]',
     '[{"start": 0, "end": 0.05}]', '[{"start": 0, "end": 1, "text": 3}]', '[{"start": true, "end": 2}]',
     '[{"start": 0, "end": 1, "id": [1]}]', "[" * 900, '["0123456789abcdef"]'],
)  # fmt: skip
def test_boundaries_that_are_not_utterances_are_refused(wrong):
    with pytest.raises(UserError):
        parse_cuts(wrong, 10.0, [])


def test_agreement_and_disagreements_with_missing_ratings(tasks):
    made = open_task(tasks, rows(2))
    rate_all(tasks, made.id, "Ann", [1.0, 2.0, -1.0, None, 3.0, 0.0])
    rate_all(tasks, made.id, "Ben", [1.0, -1.0, -1.0, None, 2.0])
    found = results_of(tasks, made.id)
    agreed = found.agreement("full")
    assert (agreed.utterances, agreed.ratings) == (4, 8)
    assert agreed.pairs[0, 1].bias == pytest.approx((0 + 3 + 0 + 1) / 4)
    listed = [(found.spread(key), key[1]) for key in found.disagreements()]
    assert listed == [(3.0, made.segments[1]), (1.0, made.segments[4]), (0.0, made.segments[3])], "largest first"


def test_labels_are_decided_when_a_task_is_closed_and_every_decision_stays(tasks):
    made = open_task(tasks, rows(1))
    rate_all(tasks, made.id, "Ann", [1.0, 2.0, -1.0])
    rate_all(tasks, made.id, "Ben", [0.0, 1.0, -1.0])
    keys = [("full", one) for one in made.segments]
    with pytest.raises(UserError, match="blind"):
        decide(tasks, made.id, keys[0], 3.0, ABOUT)
    tasks.close(made.id)
    for _ in range(2):  # a double click
        decide(tasks, made.id, keys[0], 2.5, ABOUT)
    decide(tasks, made.id, keys[2], None, ABOUT)
    found = results_of(tasks, made.id)
    assert [found.label(key)[:2] for key in keys] == [(2.5, "person"), (1.5, "mean"), (None, "person")]
    assert decide_rest(tasks, found, "median", "Judge", "form") == 1
    found = results_of(tasks, made.id)
    assert found.label(keys[1])[:2] == (1.5, "median")
    assert [row["id"][-3:] for row in label_rows(found, lambda row: row.name)] == ["001", "002"], "no label, no row"
    with pytest.raises(UserError, match="does not suit"):
        decide_rest(tasks, found, "majority", "Judge", "again")
    tasks.reopen(made.id)
    rate_all(tasks, made.id, "Cem", [0.0])
    late = rating_rows(tasks, results_of(tasks, made.id), named=False)[-1]
    assert (late["rater"], late["blind"]) == ("R3", "no")


def test_a_majority_that_nobody_has_is_no_label():
    assert combine([0, 0, 1], "majority") == 0
    assert combine([0, 1], "majority") is None
    assert combine([], "mean") is None
    assert combine([1, 2, 6], "median") == 2


def test_the_tables_are_what_the_command_line_reads(tasks, tmp_path):
    recordings = rows(4)
    speakers = {row.id: name for row, name in zip(recordings, ("eva", "eva", "fritz", ""), strict=True)}
    made = open_task(tasks, recordings, passes=("text", "audio", "full"), speakers=speakers)
    for name, shift in (("=Ann", 0.0), ("Ben", 1.0)):
        for seen in ("text", "audio", "full"):
            rate_all(tasks, made.id, name, [n % 3 - 1 + shift for n in range(12)], seen)
    found = results_of(tasks, made.id)
    labels, ratings = tmp_path / "labels.csv", tmp_path / "ratings.csv"
    labels.write_text(write_rows(label_rows(found, lambda row: row.name)), encoding="utf-8")
    ratings.write_text(write_rows(rating_rows(tasks, found, named=True)), encoding="utf-8")
    notes: list[str] = []
    table = read_columns({"": labels}, {}, None, notes, also=COLUMNS)
    assert set(table["video_id"]) == {"eva", "fritz", "talk 3"}
    assert len({(video, split) for video, split in zip(table["video_id"], table["split"], strict=True)}) == 3
    cuts = read_cuts(table, labels, notes)
    assert [(cut.start, cut.end, cut.text) for cut in cuts["talk 0.mp4"]] == list(CUTS)
    assert table["label"][:3] == ["-0.5", "0.5", "1.5"]
    assert len(table["label_A"]) == 12
    assert "label_T" not in table, "one utterance in three has no words, so that not every row has this label"
    assert "'=Ann" in ratings.read_text(), "no formula for a spreadsheet"
    own = read_ratings(ratings)
    assert own["text"].values.shape == (8, 2)
    assert found.agreement("audio").alpha == pytest.approx(found.agreement("full").alpha)
    again = read_ratings(ratings)["full"]
    np.testing.assert_array_equal(again.values[:, 1] - again.values[:, 0], np.ones(12))


def test_texts_of_people_are_no_formulas():
    assert [plain(text) for text in ("=1+1", "+1", "-1", "@x", "\tx", "fine")] == [
        "'=1+1",
        "'+1",
        "'-1",
        "'@x",
        "'\tx",
        "fine",
    ]


def test_a_wave_form_is_bounded_and_has_the_recordings_length():
    sound = np.zeros(16_000 * 60, np.int16)
    sound[16_000 * 30] = -32_768
    peaks = find_peaks(sound, 60.0)
    assert len(peaks) == 3000
    assert (max(peaks), peaks.index(255)) == (255, 1500)
    assert len(find_peaks(np.ones(16_000 * 400, np.int16), 500.0)) <= BINS
    assert find_peaks(None, 3.0) == []
    half = find_peaks(np.ones(16_000, np.int16), 2.0)
    assert half[:50] == [255] * 50
    assert half[50:] == [0] * 50
