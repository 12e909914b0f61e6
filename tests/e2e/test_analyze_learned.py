"""`sentiprism analyze` with a model whose voice is learned features."""

import numpy as np
import pytest

from makers_analysis import saved_model, spec
from makers_media import make_media
from makers_networks import save_network
from sentiprism.analysis.analyze import analyze
from sentiprism.analysis.options import Options
from sentiprism.data.store import load_dataset
from sentiprism.errors import UserError
from sentiprism.features.extractors import EXTRACTORS
from sentiprism.features.learned.create import create_extractor
from sentiprism.features.learned.networks import load_network
from sentiprism.types import FeatureSpec

RATE = 16_000


def transcript(path, *cues):
    lines = [f"00:{start:06.3f} --> 00:{end:06.3f}\n{text}\n" for start, end, text in cues]
    path.write_text("WEBVTT\n\n" + "\n".join(lines))
    return path


def judge(folder, recipe, modality="audio"):
    learned = spec(recipe).model_copy(update={"std": (1.0,) * len(recipe.columns)})
    return Options(model=str(saved_model(folder, FeatureSpec(**{modality: learned}), "lf_dnn")), asr="none")


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    return judge(tmp_path_factory.mktemp("judge") / "model", EXTRACTORS["whisper"].recipe)


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


def test_a_named_network_from_extraction_to_analysis(home, tmp_path, cli, two_cities):
    """Its layer and revision are in the dataset's card, and the model's voice is made by them."""
    network = save_network(tmp_path / "hubert", "hubert")
    videos = tmp_path / "videos"
    videos.mkdir()
    rows = ["file,video_id,text,label,split"]
    for n, split in enumerate(("train", "valid", "test")):
        make_media(videos / f"{split}.wav", samples=two_cities[n * 3 * RATE : (n + 1) * 3 * RATE])
        rows.append(f"{split}.wav,{split},words,1,{split}")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    words = ("--labels", tmp_path / "labels.csv", "--dataset", "mine", "--low", -3, "--high", 3, "--vision", "none")
    given = ("--audio", f"hf-audio:{network}", "--audio-set", "layer=1", "--audio-set", "rate=25", "--jobs", 2)
    answer = cli("extract", videos, *words, *given)
    assert answer.status == 0, answer
    dataset = load_dataset("mine", verify=True)
    made = create_extractor(f"hf-audio:{network}", {"layer": "1", "rate": "25"})
    assert dataset.card.recipes == {"audio": made.recipe}
    expected = made(two_cities[: 3 * RATE]).values.astype(np.float32)
    np.testing.assert_array_equal(dataset.train.sequences["audio"][0], expected)
    said = transcript(tmp_path / "said.vtt", (0.0, 3.0, "words."))
    options = judge(tmp_path / "model", dataset.card.recipes["audio"])
    assert analyze(videos / "train.wav", transcript=said, options=options).utterances[0].present == ("audio",)
    save_network(network, "hubert", layer_norm_eps=1e-3)
    load_network.cache_clear()  # as in another process
    said = transcript(tmp_path / "other.vtt", (0.5, 2.5, "words."))  # what was extracted before is kept
    with pytest.raises(UserError, match="has another network"):
        analyze(videos / "valid.wav", transcript=said, options=options)
