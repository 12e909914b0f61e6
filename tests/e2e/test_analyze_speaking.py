"""A recording of two persons side by side who both talk, and the sound of the one whose face is smaller."""

import numpy as np
import pytest

from makers_media import make_media
from makers_table import table
from sentiprism.analysis.analyze import analyze
from sentiprism.analysis.extract import extract
from sentiprism.features.extractors import EXTRACTORS
from sentiprism.features.extractors.face import Face
from sentiprism.features.track_extraction import face_tracks
from sentiprism.media.decode import frames, sound
from sentiprism.media.probe import probe
from sentiprism.media.speech import RATE
from sentiprism.media.types import Frame
from sentiprism.report.analysis import Analysis

SECONDS = 5.6


X = Face.recipe.columns.index("face_x")


@pytest.fixture
def talk(home, shared_data, face_landmarker, tmp_path):
    """The recording, and on which side the person is who is heard."""
    clips = [probe(shared_data / "mosi_raw" / name) for name in ("0h-zjBukYpk_4.mp4", "6_0THN4chvY_12.mp4")]
    pictures = []
    for pair in zip(*(frames(clip, 10.0, 320) for clip in clips), strict=False):
        both = np.zeros((max(one.image.shape[0] for one in pair) // 2 * 2, 640, 3), np.uint8)
        for start, one in zip((0, 320), pair, strict=True):
            both[: one.image.shape[0], start : start + one.image.shape[1]] = one.image[: len(both)]
        pictures.append(both)
    _, smaller = Face()(Frame(n / 10, image) for n, image in enumerate(pictures))
    side = int(smaller.values[:, X].mean() > 0.5)
    folder = tmp_path / "videos"
    folder.mkdir()
    samples = np.array(sound(clips[side], RATE)[: round(SECONDS * RATE)])
    return make_media(folder / "talk.mp4", images=pictures, fps=10, samples=samples, audio_codec="aac"), side


def test_the_one_who_is_heard_is_used_although_another_is_larger(talk, options, tmp_path):
    talk, side = talk
    media = probe(talk)
    assert [int(one.values[:, X].mean() > 0.5) for one in face_tracks(media, Face())] == [1 - side, side]
    found = analyze(talk, options=options)
    assert found.utterances
    assert {one.face for one in found.utterances} == {2}
    assert all(one.speaking > 0.5 and (one.place[0] > 0.5) == side for one in found.utterances)
    assert {curve.face for curve in found.curves} == {None, 2}
    assert "the one whose lips move with the sound is used." in " ".join(found.notes)
    assert Analysis.model_validate_json(found.to_json()) == found
    largest = analyze(talk, options=options.model_copy(update={"face": "largest"}))
    assert {(one.face, one.speaking, one.place) for one in largest.utterances} == {(1, None, None)}
    every = analyze(talk, options=options.model_copy(update={"face": "all"}))
    assert [one.face for one in every.utterances] == [1, 2] * len(found.utterances)
    by_face = {one.face: one for one in every.utterances if one.start == found.utterances[0].start}
    assert by_face[2].estimate == found.utterances[0].estimate
    assert by_face[2].speaking == found.utterances[0].speaking > by_face[1].speaking
    streamed = analyze(talk, options=options.model_copy(update={"streaming": True}))
    assert all((one.place[0] > 0.5) == side for one in streamed.utterances)
    units = EXTRACTORS["action_units"]()
    labels = table(
        tmp_path / "labels.csv",
        [
            {"id": name, "file": "talk.mp4", "video_id": name, "text": "w", "label": 1, "split": name, **times}
            for name, times in (("train", {"start": 0, "end": 5}), ("valid", {"start": 1, "end": 5}))
        ]
        + [
            {
                "id": "test",
                "file": "talk.mp4",
                "video_id": "test",
                "text": "w",
                "label": 1,
                "split": "test",
                "start": 0,
                "end": 4,
            }
        ],
    )
    for face, number in (("speaking", 1), ("largest", 0)):
        given = {"audio": "none", "face": face}
        made = extract(talk.parent, face, labels=labels, options=given, low=-3, high=3)
        track = face_tracks(media, units)[number]
        np.testing.assert_array_equal(made.dataset.train.sequences["vision"][0], track.values[track.times < 5])
        assert any("whose lips move" in note for note in made.dataset.card.warnings) == (face == "speaking")
