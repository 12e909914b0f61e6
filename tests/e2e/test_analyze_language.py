"""`analyze` and `extract` where something else than the model's language is spoken or written."""

import csv
import json
import re
import shutil

import pytest

from makers_analysis import features, saved_model
from makers_language import LATIN
from sentiprism.analysis.extract import extract
from sentiprism.data.store import load_dataset
from sentiprism.errors import UserError

NOTE = "The words are in Portuguese (95% sure), the model's language is English"


def rounded(text: str) -> str:
    """The text, with 95% for a certainty near it: Whisper's differs by a percent between processors."""
    return re.sub(r"9[4-6]% sure", "95% sure", text)


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    folder = tmp_path_factory.mktemp("judge")
    return saved_model(folder / "model", features(folder / "text"), language="en")


@pytest.fixture
def portuguese(shared_data):
    return shared_data / "clips" / "liveportrait_d10.mp4"


@pytest.fixture
def analyzed(cli, judge, tmp_path):
    def run(path, *words):
        answer = cli("analyze", path, "--model", judge, "--out", tmp_path / "out", "--replace", *words)
        assert answer.status == 0, answer.err
        return answer, json.loads((tmp_path / "out" / "analysis.json").read_text())

    return run


def test_speech_in_another_language_is_judged_by_voice_and_face_alone(
    analyzed, cli, judge, portuguese, whisper_base, face_landmarker, tmp_path
):
    answer, found = analyzed(portuguese, "--asr", whisper_base)
    recording, spoken = found["recording"], [one for one in found["utterances"] if one["text"]]
    assert (recording["language"], recording["language_mismatch"]) == ("pt", "dropped")
    assert recording["language_probability"] == pytest.approx(0.95, abs=0.02)
    assert found["model"]["language"] == "en"
    assert spoken
    for one in spoken:
        assert one["present"] == ["audio", "vision"]
        assert one["contributions"]["text"] == 0
        assert one["estimate"]["caution"][0] == "its words are not used"
        assert all(word["contribution"] is None for word in one["words"])
    page = (tmp_path / "out" / "report.html").read_text()
    for place in (" ".join(found["notes"]), answer.out, page.replace("&#39;", "'")):
        assert NOTE in rounded(place)
    assert "language: Portuguese (recognised, 95% sure)" in rounded(page)
    noted = analyzed(portuguese, "--asr", whisper_base, "--language-mismatch", "note")[1]
    assert noted["recording"]["language_mismatch"] == "noted"
    assert all("text" in one["present"] for one in noted["utterances"] if one["text"])
    refused = cli("analyze", portuguese, "--model", judge, "--asr", whisper_base, "--language-mismatch", "error")
    assert refused.status == 2
    assert "liveportrait_d10.mp4 are in Portuguese (95% sure), the model's language is English" in rounded(refused.err)


def test_the_index_and_the_terminal_say_so_too(cli, judge, portuguese, whisper_base, face_landmarker, tmp_path):
    (tmp_path / "talks").mkdir()
    shutil.copy(portuguese, tmp_path / "talks")
    words = ("--model", judge, "--asr", whisper_base, "--out", tmp_path / "out")
    answer = cli("analyze", tmp_path / "talks", *words)
    assert answer.status == 0, answer.err
    assert "words in another language (Portuguese): dropped" in " ".join(answer.out.split())
    assert NOTE in rounded((tmp_path / "out" / "index.html").read_text().replace("&#39;", "'"))


def test_a_language_that_is_given_is_the_language(analyzed, tmp_path):
    (tmp_path / "brief.txt").write_text("w1 w2 w3. w4 w5!")
    assert len(analyzed(tmp_path / "brief.txt")[1]["utterances"]) == 2
    answer, found = analyzed(tmp_path / "brief.txt", "--language", "de")
    assert found["utterances"] == []
    assert found["recording"]["language"] == "de"
    assert "The words are in German, the model's language is English: they are not used." in answer.out
    assert len(analyzed(tmp_path / "brief.txt", "--language", "en")[1]["utterances"]) == 2


def test_a_text_is_looked_at(analyzed, tmp_path):
    (tmp_path / "brief.txt").write_text(LATIN["fr"])
    answer, found = analyzed(tmp_path / "brief.txt")
    assert found["utterances"] == []
    assert "hardly in English (it has hardly any of the commonest English words)" in answer.out
    assert found["recording"]["language"] is None
    assert "There is nothing in this text that the model can use." in found["notes"]
    assert "Not analysed: the words are not in English" in (tmp_path / "out" / "report.html").read_text()
    assert analyzed(tmp_path / "brief.txt", "--language", "en")[1]["utterances"]
    assert analyzed(tmp_path / "brief.txt", "--language-mismatch", "note")[1]["utterances"]


def test_a_text_that_is_too_short_is_said_not_to_be_checked(analyzed, cli, judge, tmp_path):
    (tmp_path / "texts").mkdir()
    short, long = tmp_path / "texts" / "short.txt", tmp_path / "long.txt"
    short.write_text("w1 w2 w3. w4 w5!")
    long.write_text("the and of that it you with for this are. " * 6)
    answer, found = analyzed(short)
    said = "not checked, treated as English"
    assert (found["recording"]["language"], found["recording"]["language_assumed"]) == (None, "en")
    assert re.search(rf"^language +{said}$", answer.out, re.MULTILINE)
    assert f"<li>language: {said}</li>" in (tmp_path / "out" / "report.html").read_text()
    for path, words in ((long, ()), (short, ("--language", "en"))):
        answer, found = analyzed(path, *words)
        assert found["recording"]["language_assumed"] is None
        assert "not checked" not in answer.out + (tmp_path / "out" / "report.html").read_text()
    answer = cli("analyze", tmp_path / "texts", "--model", judge, "--out", tmp_path / "all")
    assert f"language: {said}" in " ".join(answer.out.split())
    assert f"Language: {said}" in (tmp_path / "all" / "index.html").read_text()


def test_a_folder_tells_a_text_that_was_not_judged_from_one_that_was(cli, judge, tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "brief.txt").write_text(LATIN["fr"])
    (tmp_path / "texts" / "letter.txt").write_text("w1 w2 w3. w4 w5!")
    answer = cli("analyze", tmp_path / "texts", "--model", judge, "--out", tmp_path / "all")
    shown = " ".join(answer.out.split())
    assert "not analysed; words in another language: dropped" in shown
    assert shown.count("done") == 1


def test_a_language_or_handling_that_is_none_is_refused(cli, judge, tmp_path):
    (tmp_path / "a.txt").write_text("w1")
    words = ("analyze", tmp_path / "a.txt", "--model", judge)
    assert "'german' is not a language code; did you mean 'de'" in cli(*words, "--language", "german").error
    assert "no handling of another language is called 'ignore'" in cli(*words, "--language-mismatch", "ignore").error


@pytest.mark.parametrize("given", [{"language": "german"}, {"options": {"language": "german"}}])
def test_a_dataset_has_no_language_that_is_none(home, tmp_path, given):
    with pytest.raises(UserError, match="did you mean 'de'"):
        extract(tmp_path, "mine", labels=tmp_path / "labels.csv", low=-3, high=3, **given)


def labels(path, names):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "id", "video_id", "label", "split"])
        splits = ("train", "valid", "test")
        writer.writerows((name, f"u{n}", f"v{n}", 1, splits[n % 3]) for n, name in enumerate(names))
    return path


def test_a_dataset_has_the_language_that_was_recognised_or_given(home, shared_data, tmp_path, whisper_base):
    clips = shared_data / "clips"
    names = ("mosi_03bSnISJMiM_1.wav", "liveportrait_d10.mp4", "mosi_Oz06ZWiO20M_6.mp4")
    table = labels(tmp_path / "labels.csv", names)
    options = {"audio": "speech", "vision": "none", "text": "recognised", "asr": str(whisper_base)}
    told = {"labels": table, "low": -3, "high": 3}
    extract(clips, "heard", options=options, **told)
    card = load_dataset("heard").card
    assert card.language == "en"
    (warning,) = [one for one in card.warnings if "languages" in one]
    assert (
        warning == "several languages were recognised: English in 2, Portuguese in 1 recordings; the card has the first"
    )
    extract(clips, "given", options=options, language="pt", **told)
    assert load_dataset("given").card.language == "pt"
    assert not any("languages" in one for one in load_dataset("given").card.warnings)


def test_texts_of_a_dataset_that_are_not_english_are_doubted(home, tmp_path, shared_data):
    names = ("mosi_03bSnISJMiM_1.wav", "liveportrait_d10.mp4", "mosi_Oz06ZWiO20M_6.mp4")
    table = labels(tmp_path / "labels.csv", names)
    rows = table.read_text().splitlines()
    table.write_text("\n".join([f"{rows[0]},text", *(f'{row},"{LATIN["nl"]}"' for row in rows[1:])]))
    options = {"audio": "speech", "vision": "none"}
    extract(shared_data / "clips", "dutch", labels=table, options=options, low=-3, high=3)
    card = load_dataset("dutch").card
    assert card.language == "en"
    assert any("the texts are probably not in English" in one for one in card.warnings)
    extract(shared_data / "clips", "named", labels=table, options=options, low=-3, high=3, language="nl")
    assert load_dataset("named").card.language == "nl"
    assert not any("hardly" in one for one in load_dataset("named").card.warnings)
