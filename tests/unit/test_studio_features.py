"""The studio lists extractors, and makes datasets of its recordings or of those of a dataset."""

import json

import pytest

from makers_media import make_media, sine
from makers_studio import job_of, needs_unix, row, serving, work
from sentiprism.data.clips import load_clips
from sentiprism.data.store import load_dataset
from sentiprism.features.overview import list_extractors
from sentiprism.studio.datasets import identify_dataset

pytestmark = needs_unix
SPEECH = {"audio": "speech", "vision": "none", "low": "-1", "high": "1"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("studio")) as opened:
        yield opened


@pytest.fixture(scope="module")
def labels(server, tmp_path_factory):
    """Three recordings in the studio, and a table of their labels."""
    folder = tmp_path_factory.mktemp("media")
    lines = ["name,words,label,split"]
    for n, split in enumerate(("train", "valid", "test")):
        path = make_media(folder / f"talk {n} ü.wav", samples=sine(0.6 + n / 5, 16_000))
        server.upload(path.name, path.read_bytes())
        lines.append(f"talk {n} ü,so {n},{n - 1},{split}")
    return add(server, "labels.csv", "\n".join([*lines, ""]))


def add(server, name, content):
    return json.loads(server.upload(name, content.encode(), X_File_For="data").body)["id"]


def test_every_extractor_is_listed_with_its_columns(server):
    page = server.get("/features").text
    for one in list_extractors():
        assert one.name in page
        assert one.summary.split(":")[0][:20] in page.replace("&#39;", "'")
        assert one.recipe is not None
    assert "Hz" in page
    assert "hf-vision" in page


def test_a_dataset_is_extracted_from_recordings_and_again_from_those_of_the_dataset(server, labels):
    form = {"kind": "table", "name": "talks", "labels": labels, "columns": "file = name\ntext = words", **SPEECH}
    job = work(server, server.post("/features", form))
    made = load_dataset("talks")
    assert made.card.recipes["audio"].extractor == "speech"
    assert made.valid.texts == ("so 1",)
    assert made.valid.labels["M"].tolist() == [0.0]
    address = f"/data/{identify_dataset('talks')}"
    assert address in server.get(f"/jobs/{job}").text
    clip = load_clips("talks")["talk 1 ü"]
    assert clip.file.parent == server.studio.recordings.folder, "the recording itself, not the job's link"
    assert "<audio" in server.get(f"{address}/utterances/valid/0").text

    made_of = server.post("/collections/add", {"name": "first", "q": "talk 0"}).headers["location"].rpartition("/")[2]
    assert f'value="{made_of}"' in server.get("/features").text
    part = server.post("/features", {**form, "name": "part", "collection": made_of})
    assert list(row(server.studio.runner, job_of(part)).parameters["recordings"]) == ["talk 0 ü.wav"]
    assert server.post("/features", {**form, "name": "part", "collection": "x"}).status == 404

    page = server.get("/features").text
    assert f'value="{identify_dataset("talks")}"' in page
    again = {"kind": "dataset", "name": "means", "source": identify_dataset("talks"), "per": "utterance"}
    work(server, server.post("/features", {**again, "audio": "speech", "vision": "none"}))
    other = load_dataset("means")
    assert (other.card.target, other.card.recipes["audio"].per) == (made.card.target, "utterance")
    assert other.valid.sequences["audio"].lengths.tolist() == [1]
    assert other.train.texts == made.train.texts
    assert "cached: " in server.get("/features").text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"audio": "none"}, "either audio nor vision features are chosen"),
        ({"audio": "face"}, "o audio extractor is called"),
        ({"labels": ""}, "o table of labels is chosen"),
        ({"columns": "file = nothing"}, "has no column 'nothing'"),
        ({"per": "hour"}, "per"),
        ({"kind": "dataset", "source": ""}, "no such dataset"),
    ],
)
def test_a_form_says_what_is_wrong(server, labels, change, words):
    form = {"kind": "table", "name": "new", "labels": labels, "columns": "file = name", **SPEECH, **change}
    refused = server.post("/features", form)
    assert refused.status in {404, 422}
    assert words in refused.text.replace("&#39;", "'")


def test_a_table_of_other_recordings_is_refused(server):
    other = add(server, "other.csv", "file,label\nnobody,0\nb,0\nc,1\n")
    refused = server.post("/features", {"kind": "table", "name": "new", "labels": other, **SPEECH})
    assert refused.status == 422
    assert "add recordings under names such as nobody" in refused.text
