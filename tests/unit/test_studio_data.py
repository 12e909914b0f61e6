"""The studio's pages of datasets: the card, a list that is bounded, one utterance with its recording."""

import zipfile

import numpy as np
import pytest

from makers_cli import SIZES, SMALL
from makers_media import make_media, sine
from makers_store import utterance, write
from makers_studio import encoded, needs_unix, serving, work
from sentiprism.data.clips import Clip
from sentiprism.data.dataset import SPLITS
from sentiprism.data.importers.import_dataset import import_dataset
from sentiprism.data.importers.labels import LabelSpec
from sentiprism.data.importers.sources import MmsaSource, TableSource
from sentiprism.data.store import load_dataset
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.files import sha256
from sentiprism.recipe import Recipe
from sentiprism.studio.dataset_charts import draw_curves, draw_histogram
from sentiprism.studio.datasets import identify_dataset, list_stored
from sentiprism.training.train import train
from sentiprism.types import TargetSpec

pytestmark = needs_unix
MANY = 20_000
MARKUP = "<script>alert(1)</script>{{7*7}}\"'"
VOICE = Recipe(extractor="mine", columns=("pitch", "loudness"), units=("Hz", "dB"), rate=50.0)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("studio")) as opened:
        yield opened


@pytest.fixture(scope="module")
def talks(server, tmp_path_factory):
    """A dataset of which one utterance's recording is known by the dataset, and one by the studio."""
    path = make_media(tmp_path_factory.mktemp("media") / "talk.wav", samples=sine(2.0, 8_000))
    source = {"file": path, "content": sha256(path), "size": path.stat().st_size}
    other = make_media(path.with_name("v_b.wav"), samples=sine(1.0, 8_000))
    server.upload("v_b.wav", other.read_bytes())
    sound = {"audio": np.array([[100.0, -30.0], [120.0, -20.0], [110.0, -25.0]], np.float32)}
    rows = [
        ("train", utterance("a", text=f"so {MARKUP}", labels={"M": 2.0}, sequences=sound)),
        ("train", utterance("v$_$b", labels={"M": -1.0}, sequences={})),
        ("train", utterance(MARKUP, labels={"M": 0.0}, sequences=sound)),
        ("valid", utterance("d", sequences=sound)),
        ("test", utterance("e", sequences=sound)),
    ]
    clips = {"a": Clip(**source, start=0.5, end=1.25)}
    write(rows, "talks", clips=clips, recipes={"audio": VOICE})
    return f"/data/{identify_dataset('talks')}"


def test_the_list_has_every_dataset_and_says_what_is_damaged(server, talks, home_of):
    (home_of / "broken").mkdir()
    (home_of / "broken" / "card.json").write_text("{")
    page = server.get("/data").text
    assert talks in page
    assert "audio 2" in page
    assert "import the dataset again" in page
    broken = server.get(f"/data/{identify_dataset('broken')}")
    assert broken.status == 422
    assert server.get(f"/data/{identify_dataset('broken')}/utterances").status == 422
    (home_of / "broken" / "card.json").unlink()
    assert "broken" not in [one.name for one in list_stored()]
    assert server.get("/data/0123456789abcdef").status == 404


@pytest.fixture
def home_of(server):
    return server.studio.database.folder.parent / "datasets"


def test_a_dataset_shows_its_card(server, talks):
    page = server.get(talks).text
    for words in (
        "5 utterances",
        "−3 to 3",
        "Hz",
        "loudness",
        "50 steps a second",
        "train, label 2: 1 utterances",
        "missing=audio&amp;split=train",
    ):
        assert words in page, words
    assert "warning" in page


def test_utterances_are_filtered_and_the_filter_stays(server, talks):
    page = server.get(f"{talks}/utterances?split=train&low=0").text
    assert "2 of 5 utterances" in page
    assert "train/0?low=0&amp;split=train" in page or "train/0?split=train&amp;low=0" in page
    assert "train/1?" not in page
    assert "No utterance fits" in server.get(f"{talks}/utterances?words=zebra").text
    for query, words in (
        ("low=x", "ow is &#39;x&#39;"),
        ("missing=sound", "o sequence is called"),
        ("split=all", "split"),
        ("shortest=1e999", "write a number"),
    ):
        refused = server.get(f"{talks}/utterances?{query}")
        assert refused.status == 422, query
        assert words in refused.text
    assert server.get(f"{talks}/utterances?page=99999").status == 200


def test_markup_in_a_dataset_is_text(server, talks):
    for path in (talks, f"{talks}/utterances", f"{talks}/utterances/train/0", f"{talks}/utterances/train/2",
                 f"{talks}/utterances?words={encoded(MARKUP)}"):  # fmt: skip
        page = server.get(path).text
        assert "<script>alert" not in page
        assert "49}" not in page


def test_an_utterance_shows_its_features_and_plays_its_part_of_the_recording(server, talks, tmp_path):
    page = server.get(f"{talks}/utterances/train/0").text
    for words in ("pitch", "100 … 120", "−30 … −20", "0.1 s", "#t=0.500,1.250", 'data-end="1.25"', "1 of 5"):
        assert words in page, words
    assert page.count('class="curve audio"') == 2
    part = server.get(f"{talks}/utterances/train/0/media", Range="bytes=0-3")
    assert (part.status, part.body, part.headers["content-type"]) == (206, b"RIFF", "audio/wav")
    second = server.get(f"{talks}/utterances/train/1")
    assert "<audio" in second.text, "its recording was added to the studio under its name"
    assert "#t=" not in second.text
    assert "It has no features" in second.text
    assert 'rel="prev"' in second.text
    assert "is not known here" in server.get(f"{talks}/utterances/test/0").text
    assert server.get(f"{talks}/utterances/test/0/media").status == 404
    for row in server.studio.recordings.page("", 0, 9)[0]:
        server.studio.recordings.path(row).rename(tmp_path / row.file)
    gone = server.get(f"{talks}/utterances/train/1")
    assert (gone.status, "is not known here" in gone.text) == (200, True), "its file is on another machine"
    for path in ("train/99", "train/-1", "nowhere/0", "train/x"):
        assert server.get(f"{talks}/utterances/{path}").status in {400, 404}


def test_a_dataset_without_the_times_of_its_utterances_says_so_and_what_to_do(server, talks):
    rows = [(split, utterance(split, sequences={"audio": np.ones((2, 2), np.float32)})) for split in SPLITS]
    write(rows, "earlier", recipes={"audio": VOICE})
    write(rows, "imported")
    earlier, imported = (f"/data/{identify_dataset(name)}" for name in ("earlier", "imported"))
    for path in (earlier, f"{earlier}/utterances/train/0"):
        page = server.get(path).text
        assert "before the times of its utterances were stored" in page, path
        assert "Extract it again" in page
        assert 'href="/features"' in page.partition("Extract it again")[2]
    for path in (imported, f"{imported}/utterances/train/0", talks, f"{talks}/utterances/train/0"):
        assert "before the times" not in server.get(path).text, path


def test_before_and_after_keep_to_the_filter(server, talks):
    page = server.get(f"{talks}/utterances/train/2?low=0").text
    assert "/train/0?low=0" in page
    assert "/valid/0?low=0" in page
    assert "2 of 4" in page


def test_a_list_of_20000_utterances_is_one_page_of_50(server):
    rows = (("train" if n < MANY - 2 else SPLITS[n % 2 + 1], utterance(f"u{n}", sequences={})) for n in range(MANY))
    write(rows, "many")
    page = server.get(f"/data/{identify_dataset('many')}/utterances?page=3")
    assert page.text.count("<tr>") == 51
    assert len(page.body) < 60_000
    assert "20,000 of 20,000" in page.text
    assert "u150" in page.text
    found = server.get(f"/data/{identify_dataset('many')}/utterances?words=u19999").text
    assert "1 of 20,000" in found


def test_where_a_model_errs_most_comes_first_and_a_job_predicts_what_it_has_not(server, tmp_path):
    data = synthetic_dataset("tiny", sizes=SIZES)
    folder = server.studio.workspace / "runs" / "tiny"
    run = train("mdf", data, seeds=1, settings=SMALL, out=folder, device="cpu", quiet=True)
    server.studio.folders.forget()
    address = f"/data/{identify_dataset('tiny')}"
    identifier = server.studio.folders.runs()[0].id
    page = server.get(f"{address}/utterances?run={identifier}&difference=0.1")
    assert "has no predictions for this dataset yet" in page.text
    job = work(server, server.post(f"{address}/evaluate", {"run": identifier}))
    assert f"{address}/utterances?run={identifier}" in server.get(f"/jobs/{job}").text
    assert [len(list(folder.glob(f"seed-*/predictions-{split}.parquet"))) for split in SPLITS] == [1, 1, 1]
    errors = [
        abs(float(v)) for v in evaluate(run, "test", device="cpu").predictions[0].prediction - data.test.labels["M"]
    ]
    page = server.get(f"{address}/utterances?run={identifier}&split=test").text
    assert f"error {max(errors):.2f}" in page.partition("</tr>")[2].partition("</tr>")[0]
    most = server.get(f"{address}/utterances?run={identifier}&split=test&difference={sorted(errors)[-3]:.6f}").text
    assert "the largest error first" in most
    assert "Prediction of runs/tiny" in server.get(f"{address}/utterances/test/0?run={identifier}").text
    assert server.post(f"{address}/evaluate", {"run": "x"}).status == 404


@pytest.mark.parametrize(
    ("form", "name"), [("table", "talks_table.zip"), ("mmsa", "talks.pkl"), ("huggingface", "talks_huggingface.zip")]
)
def test_an_export_is_a_job_with_a_download(server, talks, tmp_path, form, name):
    job = work(server, server.post(f"{talks}/export", {"format": form}))
    page = server.get(f"/jobs/{job}").text
    assert f"/data/exports/{job}" in page
    assert "kept for a week" in page
    sent = server.get(f"/data/exports/{job}")
    assert sent.headers["content-disposition"] == f'attachment; filename="{name}"'
    (tmp_path / name).write_bytes(sent.body)
    if form == "mmsa":
        made = import_dataset(f"again_{form}", MmsaSource(tmp_path / name), labels=LabelSpec(-3, 3))
        assert made.train.sequences["audio"].lengths.tolist() == [3, 0, 3]
        return
    with zipfile.ZipFile(tmp_path / name) as packed:
        packed.extractall(tmp_path)
        assert "README.md" in {file.rpartition("/")[2] for file in packed.namelist()}
    if form == "table":
        folder = tmp_path / "talks_table"
        source = TableSource(folder / "labels.csv", audio=folder / "audio.parquet")
        made = import_dataset("again", source, labels=LabelSpec(-3, 3))
        assert made.train.ids.tolist() == load_dataset("talks").train.ids.tolist()
    (file,) = server.studio.runner.job_folder(job).glob("export/*")
    assert file.name == name, "nothing else is kept"
    asked = server.post(f"/data/exports/{job}/delete")
    assert f"Remove {name}?" in asked.text
    assert file.is_file(), "it is asked first"
    server.post(f"/data/exports/{job}/delete", {"sure": "yes"})
    assert not file.exists()
    assert "The file was removed" in server.get(f"/jobs/{job}").text
    assert server.get(f"/data/exports/{job}").status == 404
    assert server.post(f"{talks}/export", {"format": "../x"}).status == 422


def test_a_histogram_has_a_bar_for_each_bin_of_each_split(home):
    moods = TargetSpec(kind="classes", classes=("bad", "good"))
    rows = [("train", utterance(f"{n}", labels={"M": n % 2})) for n in range(3)]
    card = write([*rows, ("valid", utterance("v")), ("test", utterance("t", labels={"M": 0}))], "own", moods).card
    drawn = draw_histogram(card)
    assert [label for _, label in drawn.x_ticks] == ["bad", "good"]
    assert [bar.title for bar in drawn.bars] == [
        "train, label bad: 2 utterances, 66.7%", "test, label bad: 1 utterances, 100.0%",
        "train, label good: 1 utterances, 33.3%", "valid, label good: 1 utterances, 100.0%",
    ]  # fmt: skip
    assert drawn.bars[1].height == 2 * drawn.bars[3].height / 2 == max(bar.height for bar in drawn.bars)
    far = [
        ("train", utterance("a", labels={"M": -0.61})),
        ("valid", utterance("b", labels={"M": 0.0})),
        ("test", utterance("c", labels={"M": 0.2})),
    ]
    drawn = draw_histogram(write(far, "far", TargetSpec(low=-1, high=1)).card)
    assert [label for _, label in drawn.x_ticks] == ["-0.6", "-0.5", "-0.4", "-0.3", "-0.2", "-0.1", "0", "0.1", "0.2"]


def test_a_long_curve_keeps_its_peaks(home):
    card = write([(split, utterance(split)) for split in SPLITS], "own").card
    values = np.zeros((50_000, 60), np.float32)
    values[31_415, 0] = 7.0
    drawn = draw_curves("audio", values, card)
    assert (len(drawn.curves), drawn.width, drawn.seconds) == (24, 60, None)
    assert drawn.curves[0].spread == "0 … 7"
    assert drawn.curves[0].d.count("L") <= 300
    assert " 2.0" in drawn.curves[0].d, "the peak is at the top"
    assert [one.name for one in draw_curves("audio", values, card, first=48).curves][-1] == "feature 60"
    assert draw_curves("audio", values, card, first=96).curves == ()
