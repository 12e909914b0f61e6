"""A folder of recordings becomes a dataset; what is cut, where it comes from, and what becomes of what fails."""

from pathlib import Path

import numpy as np
import pytest

from makers_media import make_media, sine
from makers_table import table
from sentiprism.analysis.extract import extract
from sentiprism.data.clips import load_clips
from sentiprism.data.config import DataConfig
from sentiprism.data.prepare import prepare
from sentiprism.data.store import list_datasets, load_dataset
from sentiprism.errors import UserError
from sentiprism.executors.base import ThisProcess
from sentiprism.executors.choose import choose_executor
from sentiprism.executors.processes import LocalProcesses
from sentiprism.features import track_extraction as tracks
from sentiprism.features.extractors import EXTRACTORS
from sentiprism.media.decode import sound
from sentiprism.media.probe import probe

pytest.importorskip("librosa", reason="librosa (extra media) is not installed")

SPLITS = {"a": "train", "b": "valid", "c": "test"}
HEAR = {"audio": "speech", "vision": "none"}
RANGE = {"low": -3, "high": 3}


def row(name: str, split: str, **more: object) -> dict[str, object]:
    return {"id": name, "video_id": name, "text": f"words of {name}", "label": 1, "split": split, **more}


@pytest.fixture
def recordings(home, tmp_path: Path) -> Path:
    folder = tmp_path / "videos"
    (folder / "deep").mkdir(parents=True)
    for n, place in enumerate(("a.wav", "deep/b.wav", "c.wav")):
        make_media(folder / place, samples=sine(2.0 + n, 16000, 200 + 50 * n))
    return folder


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    return table(tmp_path / "labels.csv", [row(name, split) for name, split in SPLITS.items()])


def test_features_are_the_extractors_own_with_its_recipe(recordings, labels):
    made = extract(recordings, "mine", labels=labels, options=HEAR, **RANGE)
    dataset = load_dataset("mine", verify=True)
    assert made.failed == {}
    speech = EXTRACTORS["speech"]()
    track = speech(sound(probe(recordings / "a.wav"), speech.sample_rate))
    np.testing.assert_array_equal(dataset.train.sequences["audio"][0], track.values[track.times < 2.0])
    assert dataset.train.texts == ("words of a",)
    assert dataset.card.recipes == {"audio": speech.recipe}
    spec = prepare(dataset, DataConfig.parse({"text": {"encoder": None}}, "data")).audio
    assert spec is not None
    assert speech.recipe.difference(spec.recipe) is None


def test_utterances_of_one_file_are_of_one_recording(recordings, tmp_path):
    rows = [{"id": f"u{n}", "file": name, "label": n, "split": SPLITS[name]} for n, name in enumerate("abc")]
    extract(recordings, "mine", labels=table(tmp_path / "l.csv", rows), options=HEAR, **RANGE)
    assert load_dataset("mine").train.video_ids.tolist() == ["a"]


def test_one_long_recording_is_cut_by_its_times(recordings, tmp_path):
    times = {"x": (0.0, 0.5), "y": (0.5, 1.5), "z": (1.0, 2.0)}
    rows = [
        row(name, split) | {"video_id": video, "file": file, "start": times[name][0], "end": times[name][1]}
        for name, split, video, file in (
            ("x", "train", "a", "a"),
            ("y", "valid", "b", "deep/b.wav"),
            ("z", "test", "c", "c.wav"),
        )
    ]
    made = extract(
        recordings, "cut", labels=table(tmp_path / "l.csv", rows), options={**HEAR, "per": "utterance"}, **RANGE
    )
    speech = EXTRACTORS["speech"]()
    track = speech(sound(probe(recordings / "deep/b.wav"), speech.sample_rate))
    inside = (track.times >= 0.5) & (track.times < 1.5)
    np.testing.assert_allclose(
        made.dataset.valid.sequences["audio"][0][0], track.values[inside].mean(axis=0), rtol=1e-5
    )
    assert made.dataset.card.recipes["audio"].per == "utterance"
    assert made.dataset.card.recipes["audio"].rate is None
    clip = load_clips("cut")["y"]
    assert (clip.find(), clip.start, clip.end) == ((recordings / "deep/b.wav").resolve(), 0.5, 1.5)


def test_jobs_change_nothing_and_nothing_is_made_twice(recordings, labels, monkeypatch):
    alone = extract(recordings, "alone", labels=labels, options=HEAR, **RANGE).dataset.card
    side = extract(recordings, "side", labels=labels, options=HEAR, executor=LocalProcesses(2), **RANGE).dataset.card
    assert alone.content == side.content

    def refuse(*_):
        raise AssertionError("made again")

    monkeypatch.setattr(tracks, "sound", refuse)
    again = extract(recordings, "side", labels=labels, options=HEAR, replace=True, **RANGE).dataset.card
    assert again.content == alone.content


def test_what_fails_is_left_out_with_its_reason(recordings, labels, tmp_path):
    (recordings / "bad.mp4").write_text("no recording")
    rows = [row(name, split) for name, split in SPLITS.items()] + [row("bad", "train"), row("gone", "train")]
    written = table(tmp_path / "more.csv", rows)
    seen = []
    made = extract(
        recordings,
        "rest",
        labels=written,
        options=HEAR,
        allow_missing=True,
        on=lambda *done: seen.append(done),
        **RANGE,
    )
    assert list(made.failed) == ["bad", "gone"]
    assert "bad.mp4" in made.failed["bad"]
    assert "the recording does not exist" in made.failed["gone"]
    assert [sum(name in warning for warning in made.dataset.card.warnings) for name in ("bad:", "gone:")] == [1, 1]
    assert len(made.dataset.train) == 1
    assert seen == [(n, 5) for n in range(1, 6)]
    with pytest.raises(UserError, match=r"2 of 5 recordings failed: bad: .*; gone: "):
        extract(recordings, "strict", labels=written, options=HEAR, strict=True, allow_missing=True, **RANGE)
    assert [card.name for card in list_datasets()] == ["rest"]


def test_a_transcript_gives_the_text_the_table_lacks(recordings, tmp_path):
    rows = [{k: v for k, v in row(name, split).items() if k != "text"} for name, split in SPLITS.items()]
    folder = tmp_path / "transcripts"
    folder.mkdir()
    (folder / "a.srt").write_text("1\n00:00:00,100 --> 00:00:01,500\nso good\n")
    written = table(tmp_path / "l.csv", rows)
    made = extract(recordings, "said", labels=written, options={**HEAR, "per": "word"}, transcripts=folder, **RANGE)
    assert made.dataset.train.texts == ("so good",)
    assert made.dataset.train.sequences["audio"].lengths.tolist() == [2]
    assert made.dataset.valid.texts is None


def test_stored_vision_features_stand_for_an_extractor_column_by_column(recordings, labels, tmp_path):
    recipe = EXTRACTORS["action_units"].recipe.with_step("utterance")
    values = np.arange(3 * len(recipe.columns), dtype=np.float32).reshape(3, -1)
    np.savez(tmp_path / "v.npz", id=list(SPLITS), columns=recipe.columns, vision=values)
    options = {"audio": "none", "vision": "action_units"}
    made = extract(recordings, "v", labels=labels, options=options, vision_features=tmp_path / "v.npz", **RANGE)
    np.testing.assert_array_equal(made.dataset.valid.sequences["vision"][0], values[1:2])
    assert made.dataset.card.recipes == {"vision": recipe}
    swapped = [recipe.columns[1], recipe.columns[0], *recipe.columns[2:]]
    np.savez(tmp_path / "w.npz", id=list(SPLITS), columns=swapped, vision=values)
    with pytest.raises(UserError, match=f"column 1 is '{recipe.columns[0]}', not '{recipe.columns[1]}'"):
        extract(recordings, "w", labels=labels, options=options, vision_features=tmp_path / "w.npz", **RANGE)
    np.savez(tmp_path / "n.npz", id=list(SPLITS), vision=values[:, :-1])
    with pytest.raises(UserError, match=f"'{recipe.columns[-1]}' is in one alone"):
        extract(recordings, "n", labels=labels, options=options, vision_features=tmp_path / "n.npz", **RANGE)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"file": "a"}, "'a' and 'b' are both the whole of 'a'"),
        ({"start": 1}, "only one of the columns"),
        ({"start": 2, "end": 1}, "goes from '2' to '1'"),
        ({"start": "one", "end": 2}, "goes from 'one' to '2'"),
    ],
)
def test_tables_that_say_nothing_usable_are_refused(recordings, tmp_path, change, reason):
    written = table(tmp_path / "l.csv", [row(name, split, **change) for name, split in SPLITS.items()])
    with pytest.raises(UserError, match=reason):
        extract(recordings, "no", labels=written, options=HEAR, **RANGE)
    assert list_datasets() == []


def test_a_file_and_a_label_are_enough(recordings, tmp_path):
    rows = [{"file": f"{name}.wav", "label": n} for n, name in enumerate("abc")]
    card = extract(recordings, "mine", labels=table(tmp_path / "l.csv", rows), options=HEAR, **RANGE).dataset.card
    assert [split.utterances for split in card.splits.values()] == [1, 1, 1]
    assert any("splits were made by this program by video, 70/10/20" in warning for warning in card.warnings)
    assert "l.csv has no column 'video_id': each recording is treated as a separate video" in card.warnings
    named = table(tmp_path / "n.csv", [{"id": name, "label": 0} for name in "abc"])
    assert extract(recordings, "named", labels=named, options=HEAR, **RANGE).dataset.train.video_ids.size == 1
    timed = [{"file": "a.wav", "label": 0, "start": n / 2, "end": n / 2 + 1} for n in range(2)]
    timed += [{"file": f"{name}.wav", "label": 0, "start": 0, "end": 1} for name in "bc"]
    made = extract(recordings, "cut", labels=table(tmp_path / "m.csv", timed), options=HEAR, **RANGE).dataset
    splits = (made.train, made.valid, made.test)
    assert {str(i) for split in splits for i in split.ids} == {"a.wav@0.0", "a.wav@0.5", "b.wav@0", "c.wav@0"}
    assert sorted(len(set(split.video_ids.tolist())) for split in splits) == [1, 1, 1]
    assert "m.csv: 1 utterances begin before the previous one in their video ends" in made.card.warnings


def test_a_dataset_of_nothing_and_a_language_that_is_none_are_refused_at_once(recordings, tmp_path):
    rows = [{k: v for k, v in row(name, split).items() if k != "text"} for name, split in SPLITS.items()]
    written, nothing = table(tmp_path / "l.csv", rows), {"audio": "none", "vision": "none"}
    for path in recordings.rglob("*.wav"):
        path.write_bytes(b"never opened")
    with pytest.raises(UserError, match="the train split has no text and no features; give texts"):
        extract(recordings, "no", labels=written, options=nothing, **RANGE)
    with pytest.raises(UserError, match=r"'english' is not a language code; did you mean 'en'"):
        extract(recordings, "no", labels=written, options=HEAR, language="english", **RANGE)


def test_a_store_that_cannot_be_written_is_said_before_hours_of_work(recordings, labels, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SENTIPRISM_HOME", str(tmp_path / "file" / "home"))
    done = []
    with pytest.raises(UserError, match="file is a file, and nothing can be written below it"):
        extract(recordings, "mine", labels=labels, options=HEAR, on=lambda *count: done.append(count), **RANGE)
    assert done == []


KNOWN_BAD = {
    "a recording that is missing": ([row("a", "train"), row("gone", "test")], "lacks 1 of 2 recordings of .*: 'gone'"),
    "a label off the range": ([row("a", "train", label=9)], "'a': label M = 9 is outside the range"),
    "a label that is none": ([row("a", "train", label="good")], "label of 'a' is 'good'; write a number"),
    "an id twice": ([row("a", "train"), row("b", "train", id="a")], "two utterances have the id 'a'"),
    "a split that is empty": ([row("a", "train"), row("b", "valid")], "the test split is empty"),
    "a split of another name": ([row("a", "trian")], "split of 'a' is 'trian'; did you mean 'train'"),
    "a video in two splits": (
        [row("a", "train"), row("b", "valid", video_id="a"), row("c", "test")],
        "video 'a' is in the splits train and valid",
    ),
    "a recording under two names": (
        [row("a", "train"), row("b", "valid"), row("c", "test"), row("x", "train", file="deep/b.wav")],
        "'b' and 'deep/b.wav' are both deep/b.wav; write the name of a recording the same way",
    ),
    "the same seconds twice": (
        [{"id": n, "file": "a", "label": 0, "start": 1, "end": 2, "split": "train"} for n in "xy"],
        "'x' and 'y' have the same times in 'a'",
    ),
    "too few recordings to split": (
        [{"file": name, "label": 0} for name in "ab"],
        "2 videos cannot be split into train, valid, test; give at least 3",
    ),
}


@pytest.mark.parametrize(("rows", "reason"), KNOWN_BAD.values(), ids=KNOWN_BAD)
def test_what_the_table_shows_is_refused_before_any_recording_is_opened(
    recordings, tmp_path, monkeypatch, rows, reason
):
    monkeypatch.setattr(ThisProcess, "run", lambda *_: pytest.fail("a recording was opened"))
    if "file" in {key for one in rows for key in one}:
        rows = [{"file": one.get("id"), **one} for one in rows]
    written = table(tmp_path / "l.csv", rows)
    with pytest.raises(UserError, match=reason):
        extract(recordings, "no", labels=written, options=HEAR, **RANGE)


def test_a_class_or_a_speech_model_that_there_is_not_is_refused_as_early(recordings, tmp_path, labels, monkeypatch):
    monkeypatch.setattr(ThisProcess, "run", lambda *_: pytest.fail("a recording was opened"))
    with pytest.raises(UserError, match="no speech model is called 'bass'; did you mean 'base'"):
        extract(recordings, "no", labels=labels, options={**HEAR, "text": "recognised", "asr": "bass"}, **RANGE)
    written = table(tmp_path / "l.csv", [row(name, split, label="goood") for name, split in SPLITS.items()])
    with pytest.raises(UserError, match="label of 'a' is 'goood'; did you mean 'good'"):
        extract(recordings, "no", labels=written, options=HEAR, classes=("bad", "good"))


def test_a_name_never_leads_out_of_the_folder(recordings, tmp_path):
    outside = make_media(tmp_path / "outside.wav", samples=sine(1.0, 16000))
    names = ("../outside", "../outside.wav", str(outside))
    rows = [row(name, SPLITS[name], file=file) for name, file in zip(SPLITS, names, strict=True)]
    written = table(tmp_path / "l.csv", rows)
    with pytest.raises(UserError, match="has no recording of"):
        extract(recordings, "no", labels=written, options=HEAR, **RANGE)


def test_an_extractor_of_another_modality_is_refused(recordings, labels):
    with pytest.raises(UserError, match="'speech' makes audio features"):
        extract(recordings, "no", labels=labels, options={"vision": "speech"}, **RANGE)


def test_learned_features_are_of_each_utterance_by_itself(home, tmp_path, two_cities, whisper_base):
    """Two utterances of one recording: each as if it were a recording of its own; and not by the number of jobs."""
    folder = tmp_path / "videos"
    folder.mkdir()
    make_media(folder / "a.wav", samples=two_cities[:96_000])
    for name in ("b", "c"):
        make_media(folder / f"{name}.wav", samples=two_cities[96_000:128_000])
    rows = [
        row("a1", "train", file="a", start=0.5, end=2.5),
        row("a2", "train", file="a", start=2.0, end=5.0),
        row("b", "valid", file="b", start=0, end=2),
        row("c", "test", file="c", start=0, end=2),
    ]
    labels, options = table(tmp_path / "labels.csv", rows), {"audio": "whisper", "vision": "none"}
    for jobs in (1, 2):
        features = home / "cache" / "features"
        for path in features.glob("*.arrow"):
            path.unlink()
        extract(folder, f"jobs{jobs}", labels=labels, options=options, executor=choose_executor(jobs=jobs), **RANGE)
    kind = EXTRACTORS["whisper"]()
    dataset = load_dataset("jobs1", verify=True)
    assert dataset.card.recipes == {"audio": kind.recipe}
    for n, (start, end) in enumerate([(0.5, 2.5), (2.0, 5.0)]):
        alone = kind(two_cities[int(start * 16_000) : int(end * 16_000)]).values
        np.testing.assert_array_equal(dataset.train.sequences["audio"][n], alone.astype(np.float32))
    assert dataset.card.content == load_dataset("jobs2").card.content
