"""What a report's page says in words: the summary, its ends, classes, and recordings in which nothing was found."""

import pytest

from makers_page import Page
from makers_report import classified, nothing, reading, review
from sentiprism.report import wording
from sentiprism.report.page.recording import render
from sentiprism.report.schema import Estimate
from sentiprism.report.tally import count_utterances
from sentiprism.types import TargetSpec


def test_the_summary_says_what_the_numbers_say():
    document = review()
    assert wording.headline(document) == (
        "Mixed, neutral on average",
        "+0.38 on a scale from −3 (most negative) to +3 (most positive): the mean of 12 utterances, weighted by time, "
        "all of them firm.",
    )
    assert [(moment.label, moment.part.number) for moment in wording.moments(document)] == [
        ("Most positive", 12),
        ("Most negative", 5),
    ]
    assert sum(share.share for share in wording.shares(document)) == pytest.approx(1)
    assert sum(share.share for share in wording.modality_shares(document)) == pytest.approx(1)


def test_the_weaker_end_of_a_one_sided_recording_is_called_so():
    low, high = (
        part.model_copy(update={"estimate": Estimate(value=value)})
        for part, value in zip(review().utterances, (0.8, 2.0), strict=False)
    )
    summary = review().summary.model_copy(update={"lowest": 1, "highest": 2})
    two = review(utterances=(low, high), summary=summary)
    assert [moment.label for moment in wording.moments(two)] == ["Most positive", "Least positive"]
    alone = review(utterances=(high,), summary=summary.model_copy(update={"lowest": 2}))
    assert [moment.label for moment in wording.moments(alone)] == ["The one utterance"]


def test_an_end_that_is_neutral_is_called_so():
    low, high = (
        part.model_copy(update={"estimate": Estimate(value=value)})
        for part, value in zip(review().utterances, (-0.4, 2.0), strict=False)
    )
    summary = review().summary.model_copy(update={"lowest": 1, "highest": 2})
    labels = [moment.label for moment in wording.moments(review(utterances=(low, high), summary=summary))]
    assert labels == ["Most positive", "Most negative, yet neutral"]


def test_an_utterance_that_is_judged_with_several_faces_is_one():
    faces = [part.model_copy(update={"face": face}) for part in review().utterances[:1] for face in (1, 2)]
    both = review(utterances=tuple(one.model_copy(update={"number": one.face}) for one in faces))
    assert count_utterances(both.utterances) == (1, 1, 2)
    assert (
        "the mean of one utterance, predicted once for each visible face, weighted by time"
        in (wording.headline(both)[1])
    )
    summary = both.summary.model_copy(update={"highest": 1, "lowest": 2})
    labels = [moment.label for moment in wording.moments(both.model_copy(update={"summary": summary}))]
    assert [label.rpartition(", ")[2] for label in labels] == ["face 1", "face 2"]


def test_what_is_not_there_has_no_share_and_what_is_not_shown_is_not_explained():
    assert [share.label for share in wording.modality_shares(reading())] == ["text"]
    weights, none = "<dt>Weights</dt>", "<dt>No interval</dt>"
    assert weights in render(review())
    assert weights not in render(reading())
    assert none not in render(review())
    assert none in render(review(model=review().model.model_copy(update={"level": None})))
    assert "the baseline prediction (the model without any input) (+0.10)" in render(review())


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (-3, "strongly negative"),
        (-1.6, "negative"),
        (-0.6, "slightly negative"),
        (0.4, "neutral"),
        (1.2, "slightly positive"),
        (3, "strongly positive"),
    ],
)
def test_an_intensity_in_words_is_the_same_on_every_scale(value, words):
    assert wording.mood(value, TargetSpec()) == words
    assert wording.mood(value / 3, TargetSpec(low=-1, high=1)) == words


def test_the_reader_is_told_what_is_neutral_and_that_amounts_have_no_sign():
    model = review().model
    other = model.model_copy(update={"target": TargetSpec(low=1, high=5)})
    assert "0 is neutral" in render(review())
    assert "+3 is neutral" in render(review(model=other))
    assert "a contribution of −1 counts as much as one of +1" in render(review())


def test_classes_are_named_with_their_probabilities():
    document = classified()
    page = Page(render(document))
    assert wording.headline(document)[0] in {"Mostly positive", "Most often positive"}
    assert not page.of("a") or all("moment" not in (link.get("class") or "") for link in page.of("a"))
    assert page.data["target"]["classes"] == ["negative", "neutral", "positive"]
    assert sum(page.data["utterances"][0]["estimate"]["p"]) == pytest.approx(1, abs=1e-3)


def test_a_recording_without_utterances_is_a_page_that_says_why():
    page = Page(render(nothing()))
    shown = " ".join(text for _, text in page.texts)
    assert "Nothing to analyse" in shown
    assert "No speech was found in the sound." in page.inside("li")
    assert not page.of("table")


def test_a_text_of_which_the_words_were_dropped_is_said_to_be_in_another_language():
    model = review().model.model_copy(update={"language": "en"})
    text = reading().recording.model_copy(update={"language": "de", "language_mismatch": "dropped"})
    assert wording.headline(nothing(recording=text, model=model)) == (
        "Not analysed: the words are not in English",
        "Nothing in this text could be analysed; the notes say why.",
    )
    assert wording.headline(nothing(recording=reading().recording, notes=())) == (
        "Nothing to analyse",
        "No utterance was found in this text.",
    )


def test_a_text_has_a_time_line_of_reading_and_no_player():
    page = Page(render(reading()))
    assert "15.0 s of reading" in page.inside("li")
    timed = reading().recording.model_copy(update={"transcript": "the text itself; with its own times"})
    assert wording.facts(review(recording=timed))[:2] == ["text", "15.0 s"]
    assert page.data["modalities"] == ["text"]
    assert not page.of("video")
    assert "not part of this page" not in " ".join(page.inside("p"))
