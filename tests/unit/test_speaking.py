"""Who speaks, by face: exact scores of made-up mouths and sounds, and one mixture of real clips."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sentiprism.analysis.perceive import Tracks
from sentiprism.features.extractors import EXTRACTORS
from sentiprism.features.extractors.face import Face
from sentiprism.features.face_choice import choose_faces
from sentiprism.features.lip_sync import BANDS, CONTEXT, MOUTH, LipMap, lip_map, lip_score, mouth_measures, sound_levels
from sentiprism.features.speaking import Speaking, can_find_speaking, find_speaking
from sentiprism.features.track import Track
from sentiprism.media.decode import frames, sound
from sentiprism.media.probe import probe
from sentiprism.media.speech import RATE
from sentiprism.media.types import Frame, Span

COLUMNS = Face.recipe.columns
SECONDS = 4
SPAN = Span(0.0, float(SECONDS))
TIMES = np.arange(10 * SECONDS) / 10
LOUD = np.tile([0.0, 0.0, 1.0, 1.0, 1.0], 8)  # of each tenth of a second
"""Syllables of three tenths of a second."""


def maps() -> LipMap:
    """One variate: the opening of the jaw, and the level of all bands together, without their neighbours."""
    mouth = np.zeros(((2 * CONTEXT + 1) * len(MOUTH), 1))
    heard = np.zeros(((2 * CONTEXT + 1) * len(BANDS), 1))
    mouth[CONTEXT * len(MOUTH) + MOUTH.index("jaw_open")] = 1
    heard[CONTEXT * len(BANDS) + len(BANDS) - 1] = 1
    return LipMap(mouth, heard, np.ones(1), np.full(1, 0.2), slope=2.0, least=1.0)


def face(jaw: np.ndarray, times: np.ndarray = TIMES, share: float = 0.1) -> Track:
    values = np.zeros((len(times), len(COLUMNS)), np.float32)
    values[:, COLUMNS.index("jaw_open")] = jaw
    values[:, COLUMNS.index("face_share")], values[:, COLUMNS.index("face_x")] = share, 0.25
    return Track(times, values)


def noise(loud: np.ndarray = LOUD) -> np.ndarray:
    """Noise that is a hundred times as loud where asked for, by tenths of a second around the pictures' times."""
    level = np.repeat(np.where(loud, 8000.0, 80.0), RATE // 10)
    drawn = np.random.default_rng(0).uniform(-1, 1, len(level))
    return np.roll(drawn * level, -RATE // 20).astype(np.int16)


def test_a_jaw_that_opens_with_the_loudness_has_the_highest_score_and_a_still_one_none() -> None:
    with_sound, other = face(LOUD * 0.8), face(np.roll(LOUD, 2) * 0.8)
    assert lip_score(with_sound, noise(), SPAN, maps()) == pytest.approx(math.sqrt(40), rel=0.01)
    assert lip_score(with_sound, noise(), Span(0, 2), maps()) == pytest.approx(math.sqrt(20), rel=0.01)
    assert lip_score(face(1 - LOUD), noise(), SPAN, maps()) == pytest.approx(-math.sqrt(40), rel=0.01)
    shifted = np.corrcoef(LOUD, np.roll(LOUD, 2))[0, 1]
    assert lip_score(other, noise(), SPAN, maps()) == pytest.approx(shifted * math.sqrt(40), abs=0.2)
    assert lip_score(face(np.full(40, 0.3)), noise(), SPAN, maps()) == 0.0
    small = 0.01  # its standard deviation is less than half of that of a person who speaks
    expected = math.sqrt(40) * small * LOUD.std() / (0.2 / 2)
    assert lip_score(face(LOUD * small), noise(), SPAN, maps()) == pytest.approx(expected, rel=0.01)
    assert lip_score(with_sound, np.zeros(SECONDS * RATE, np.int16), SPAN, maps()) == pytest.approx(0.0)
    assert lip_score(face(LOUD[:1], TIMES[:1]), noise(), SPAN, maps()) == 0.0, "one picture"


def test_levels_are_those_around_the_pictures_wherever_the_sound_begins() -> None:
    tone = np.round(8000 * np.sin(2 * np.pi * 1500 * np.arange(2 * RATE) / RATE)).astype(np.int16)
    levels = sound_levels(np.concatenate([np.zeros(RATE, np.int16), tone]), np.array([0.5, 1.5, 2.0]))
    assert levels.shape == (3, len(BANDS))
    assert int(levels[1, :-1].argmax()) == BANDS.index(1300)
    assert levels[1, -1] == pytest.approx(levels[2, -1], abs=1e-3)
    assert levels[1, -1] - levels[0, -1] == pytest.approx(4.0)  # silence ends at 40 dB below
    later = np.concatenate([np.zeros(100 * RATE, np.int16), np.zeros(RATE, np.int16), tone])
    assert sound_levels(later, np.array([100.5, 101.5, 102.0])) == pytest.approx(levels, abs=1e-6)


def test_both_sides_of_a_mouth_are_averaged() -> None:
    values = np.arange(len(COLUMNS), dtype=np.float32)[None]
    found = dict(zip(MOUTH, mouth_measures(values)[0], strict=True))
    assert found["jaw_open"] == COLUMNS.index("jaw_open")
    left, right = (COLUMNS.index(f"mouth_smile_{side}") for side in ("left", "right"))
    assert found["mouth_smile"] == (left + right) / 2


def test_the_face_whose_lips_move_with_the_sound_speaks_and_others_are_told_apart() -> None:
    """Visible together: who speaks, a person who talks about something else, a picture on the wall, who comes late."""
    late = slice(20, 40)
    faces = [
        face(np.full(40, 0.2), share=0.3),
        face(np.roll(LOUD, 2) * 0.8),
        face(LOUD * 0.8),
        face(LOUD[late] * 0.8, TIMES[late]),
    ]
    (found,) = find_speaking(faces[:3], noise(), [SPAN], maps()).values()
    assert found.face == 2
    scores = [lip_score(one, noise(), SPAN, maps()) for one in faces[:3]]
    odds = [math.exp(2 * (score - 1)) for score in scores]
    assert [found.certainties[n] for n in range(3)] == pytest.approx([o / (1 + sum(odds)) for o in odds])
    assert found.places[0] == (0.25, 0.0, 0.3)
    by_turns = find_speaking([faces[3], faces[1]], noise(), [Span(0, 2), Span(2, 4)], maps())
    assert list(by_turns) == [Span(2, 4)], "one face alone is not measured"
    assert by_turns[Span(2, 4)].face == 0


def test_nobody_speaks_where_no_lips_move_with_the_sound() -> None:
    """A narrator who is not visible, silence, and two pictures."""
    still = [face(np.full(40, 0.2), share=0.3), face(np.full(40, 0.1))]
    for samples in (noise(), np.zeros(SECONDS * RATE, np.int16)):
        (found,) = find_speaking(still, samples, [SPAN], maps()).values()
        assert found.face is None
        assert max(found.certainties.values()) < 0.2
    assert find_speaking([face(LOUD)], noise(), [SPAN], maps()) == {}
    first, second = slice(0, 20), slice(20, 40)
    after_a_cut = [face(LOUD[first], TIMES[first]), face(LOUD[second], TIMES[second])]
    assert find_speaking(after_a_cut, noise(), [SPAN], maps()) == {}


def test_the_one_that_speaks_is_chosen_and_else_the_longest_visible() -> None:
    faces = (face(LOUD), face(LOUD[:30], TIMES[:30]), face(LOUD[:5], TIMES[:5]))
    known, unsure = Span(0, 3), Span(3, 4)
    tracks = Tracks(
        faces=faces,
        speaking={
            known: Speaking({0: 0.1, 1: 0.7, 2: 0.1}, dict.fromkeys(range(3), (0.5, 0.5, 0.1))),
            unsure: Speaking({0: 0.2, 1: 0.3}, {}),
        },
    )
    assert tracks.choose(known) == [1]
    assert tracks.choose(known, every=True) == [0, 1, 2]
    assert tracks.choose(unsure) == tracks.choose(Span(0, 2)) == [0]
    assert tracks.choose(Span(10, 11)) == [None]
    assert tracks.choose_around(Span(0, 4)) == 1
    assert tracks.choose_around(Span(3, 4)) == 0
    assert tracks.describe(known, 1) == {"speaking": 0.7, "place": (0.5, 0.5, 0.1)}
    assert tracks.describe(Span(0, 2), 0) == tracks.describe(known, None) == {}
    assert choose_faces(faces, Span(3, 4), speaking=1) == [0], "it is not visible there"
    assert Tracks(faces=faces).choose(known) == [0]


def test_lips_are_measured_in_the_columns_of_the_landmarker() -> None:
    names = ("face", "action_units", "expression", "gaze", "speech")
    able = {name for name in names if can_find_speaking(EXTRACTORS[name]())}
    assert able == {"face", "action_units", "expression"}
    found = lip_map()
    assert found.mouth.shape == ((2 * CONTEXT + 1) * len(MOUTH), len(found.strength))
    assert found.sound.shape == ((2 * CONTEXT + 1) * len(BANDS), len(found.strength))
    assert found.slope > 0


@pytest.fixture(scope="module")
def pair(shared_data: Path, face_landmarker: Path) -> Callable[[int], tuple[list[Track], np.ndarray]]:
    """Two persons side by side, and the sound of one of them; both talk."""
    media = [probe(shared_data / "mosi_raw" / name) for name in ("0h-zjBukYpk_4.mp4", "6_0THN4chvY_12.mp4")]
    both = [list(frames(one, 10.0, 320)) for one in media]
    height = max(found[0].image.shape[0] for found in both)
    joined = []
    for left, right in zip(*both, strict=False):
        padded = [np.pad(x.image, ((0, height - x.image.shape[0]), (0, 0), (0, 0))) for x in (left, right)]
        joined.append(Frame(left.time, np.concatenate(padded, axis=1)))
    faces = sorted(Face()(joined), key=lambda one: float(one.values[:, COLUMNS.index("face_x")].mean()))
    return lambda side: (faces, sound(media[side], RATE))


@pytest.mark.parametrize("side", [0, 1])
def test_of_two_real_persons_who_both_talk_the_one_who_is_heard_is_found(side, pair) -> None:
    faces, samples = pair(side)
    assert len(faces) == 2
    (found,) = find_speaking(faces, samples, [Span(0, 5.5)]).values()
    assert found.face == side
    (silent,) = find_speaking(faces, np.zeros(6 * RATE, np.int16), [Span(0, 5.5)]).values()
    assert silent.face is None
