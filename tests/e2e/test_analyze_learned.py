"""`sentiprism analyze` with a model whose voice is learned features."""

import numpy as np
import pytest

from makers_analysis import saved_model, spec
from makers_media import make_media
from sentiprism.analysis.options import Options
from sentiprism.analysis.pipeline import analyze
from sentiprism.features.extractors import EXTRACTORS
from sentiprism.types import FeatureSpec

RATE = 16_000


def transcript(path, *cues):
    lines = [f"00:{start:06.3f} --> 00:{end:06.3f}\n{text}\n" for start, end, text in cues]
    path.write_text("WEBVTT\n\n" + "\n".join(lines))
    return path


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    folder = tmp_path_factory.mktemp("judge") / "model"
    voice = spec(EXTRACTORS["whisper"].recipe).model_copy(update={"std": (1.0,) * 512})
    return Options(model=str(saved_model(folder, FeatureSpec(audio=voice), "lf_dnn")), asr="none")


def test_an_utterance_is_predicted_from_its_own_sound_alone(home, tmp_path, options, two_cities, whisper_base):
    """The same words in a longer recording and cut out of it have one prediction; and the pitch is drawn still."""
    long = make_media(tmp_path / "long.wav", samples=two_cities[: 9 * RATE])
    said = transcript(tmp_path / "long.vtt", (0.5, 3.0, "one two."), (3.5, 6.25, "three four."))
    found = analyze(long, transcript=said, options=options)
    assert [one.present for one in found.utterances] == [("audio",), ("audio",)]
    assert {curve.title for curve in found.curves} == {"pitch", "loudness"}
    assert found.windows
    short = make_media(tmp_path / "short.wav", samples=two_cities[int(3.5 * RATE) : int(6.25 * RATE)])
    alone = analyze(short, transcript=transcript(tmp_path / "s.vtt", (0, 2.75, "three four.")), options=options)
    second = found.utterances[1]
    assert (second.start, second.end) == (3.5, 6.25)
    assert alone.utterances[0].estimate.value == pytest.approx(second.estimate.value, abs=1e-6)
    assert found.utterances[0].estimate.value != pytest.approx(second.estimate.value, abs=1e-4)


def test_where_nobody_speaks_no_voice_is_predicted(home, tmp_path, options, whisper_base):
    silent = make_media(tmp_path / "silent.wav", samples=np.zeros(3 * RATE, np.int16))
    found = analyze(silent, options=options)
    assert found.utterances == ()
    assert {curve.title for curve in found.curves} == {"pitch", "loudness"}
