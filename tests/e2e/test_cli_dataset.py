"""`sentiprism dataset` as a user meets it."""

import json

import numpy as np
import pytest

from makers_table import table
from sentiprism.cli.tables import bar, size


def write_table(folder, *, rows=None, width=3):
    """A CSV of three splits and audio for all but its last row; returns both paths."""
    rows = rows or [(f"v{n}$_$0", f"text {n}", n % 3 - 1, ("train", "valid", "test")[n % 3]) for n in range(9)]
    lines = ["id,text,label,split", *(",".join(map(str, row)) for row in rows)]
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    names = np.array([row[0] for row in rows[:-1]])
    np.savez(folder / "audio.npz", id=names, audio=np.ones((len(names), width), np.float32))
    return folder / "labels.csv", folder / "audio.npz"


def test_a_table_is_added_listed_shown_and_removed(cli, tmp_path, home):
    labels, audio = write_table(tmp_path)
    added = cli("dataset", "add", "mine", "--labels", labels, "--audio", audio, "--low", -1, "--high", 1)
    assert (added.status, added.err) == (0, "next: sentiprism train mdf --dataset mine\n")
    shown = cli("dataset", "show", "mine", "--verify")
    assert shown.out == added.out
    card = json.loads(cli("dataset", "show", "mine", "--json").out)
    for part in (card["content"], "audio, 3 features", "labels labels.csv, audio audio.npz", *card["warnings"]):
        assert part in shown.out
    assert "audio: missing in 1 of 3 test utterances" in card["warnings"]
    assert {name: split["utterances"] for name, split in card["splits"].items()} == {"train": 3, "valid": 3, "test": 3}
    assert {name: split["missing"]["audio"] for name, split in card["splits"].items()} == {
        "train": 0,
        "valid": 0,
        "test": 1,
    }
    listed = json.loads(cli("dataset", "list", "--json").out)
    assert listed == [card | {"folder": str(home / "datasets" / "mine")}]
    assert "mine" in cli("dataset", "list").out
    assert cli("dataset", "remove", "mine") == (0, "removed mine\n", "next: sentiprism dataset list\n")
    assert not (home / "datasets" / "mine").exists()
    assert json.loads(cli("dataset", "list", "--json").out) == []
    assert "dataset add --help" in cli("dataset", "list").err


def test_a_dataset_is_replaced_only_when_asked(cli, refused, tmp_path):
    labels, audio = write_table(tmp_path)
    add = ("dataset", "add", "mine", "--labels", labels, "--low", -1, "--high", 1)
    assert cli(*add).status == 0
    assert "--replace" in refused(*add)
    replaced = cli(*add, "--audio", audio, "--replace", "--json")
    assert json.loads(replaced.out)["widths"] == {"audio": 3}


def test_a_classification_table_with_columns_of_its_own_is_added(cli, refused, tmp_path):
    for split, mood in (("train", "good"), ("dev", "bad"), ("test", "good")):
        (tmp_path / f"{split}.csv").write_text(f"Dialogue,Turn,Words,Mood\n0,0,so,{mood}\n", encoding="utf-8")
    files = [word for split in ("train", "dev", "test") for word in ("--labels", f"{split}={split}.csv")]
    pairs = ("id={split}-{Dialogue}_{Turn}", "video_id={split}-{Dialogue}", "text=Words", "label=Mood")
    columns = [word for pair in pairs for word in ("--column", pair)]
    add = ("dataset", "add", "moods", *files, *columns)
    card = json.loads(cli(*add, "--classes", "bad, good", "--json").out)
    assert card["target"]["classes"] == ["bad", "good"]
    assert card["splits"]["train"]["label_histogram"] == {"bad": 0, "good": 1}
    assert card["source"] == "labels train train.csv, labels valid dev.csv, labels test test.csv"
    assert "did you mean 'train'" in refused("dataset", "add", "x", "--labels", "trian=a.csv", "--labels", "test=b.csv")
    assert "write SPLIT=FILE" in refused("dataset", "add", "x", "--labels", "a.csv", "--labels", "b.csv")
    assert "valid is given twice" in refused("dataset", "add", "x", "--labels", "dev=a.csv", "--labels", "val=b.csv")
    assert "write NAME=THEIRS" in refused("dataset", "add", "x", "--labels", "a.csv", "--column", "label")
    assert "--classes" in refused(*add)


def test_padded_arrays_are_added_by_fold(cli, refused, tmp_path):
    names = np.array([f"v{n // 2}_{n}" for n in range(8)])
    np.savez(tmp_path / "a.npz", id=names, audio=np.ones((8, 4, 3), np.float32), label=np.zeros(8))
    add = ("dataset", "add", "mine", "--arrays", "a.npz", "--low", -1, "--high", 1)
    assert "a.npz states no splits" in refused(*add)
    assert "make 3 to 4 folds" in refused(*add, "--folds", "1/5")
    card = json.loads(cli(*add, "--folds", "2/4", "--json").out)
    assert card["source"] == "arrays a.npz, folds 2/4"
    assert {name: split["videos"] for name, split in card["splits"].items()} == {"train": 2, "valid": 1, "test": 1}
    assert "--arrays cannot be combined with --audio" in refused(*add, "--audio", "a.npz")


def test_an_mmsa_pickle_is_added(cli, tmp_path):
    from makers import make_mmsa

    make_mmsa(tmp_path / "unaligned_50.pkl")
    card = json.loads(cli("dataset", "add", "mosi", "--mmsa", tmp_path / "unaligned_50.pkl", "--json").out)
    assert card["vocabulary"] == "bert-base-uncased"
    assert card["widths"] == {"text": 768, "audio": 5, "vision": 20}
    assert any("differs from the distributed files of CMU-MOSI" in warning for warning in card["warnings"])
    shown = cli("dataset", "show", "mosi").out
    assert "audio columns   COVAREP 1 (VUV), COVAREP 3 (QOQ), COVAREP 6 (MDQ), COVAREP 25 (MCEP_14)" in shown
    assert "FACET 37, FACET 40\n" in shown


def test_an_aligned_pickle_is_another_dataset(cli, refused, tmp_path):
    from makers import make_mmsa

    make_mmsa(tmp_path / "aligned_50.pkl", aligned=True)
    told = refused("dataset", "add", "mosi", "--mmsa", tmp_path / "aligned_50.pkl")
    assert "is aligned to words, mosi is not; name it mosi_aligned" in told
    assert "dataset add mosi_aligned --mmsa aligned_50.pkl" in refused("train", "--experiment", "dlf/wang2025_mosi")
    assert cli("dataset", "add", "mosi_aligned", "--mmsa", tmp_path / "aligned_50.pkl").status == 0
    assert "CMU-MOSI, aligned to words" in cli("dataset", "show", "mosi_aligned").out


def test_the_files_of_urfunny_are_added_and_trained_on(cli, refused, tmp_path):
    from makers_urfunny import make_urfunny

    make_urfunny(tmp_path / "sdk")
    assert "--labels cannot be combined with --context" in refused(
        "dataset", "add", "mine", "--labels", "l.csv", "--context"
    )
    plain, longer = (
        json.loads(cli("dataset", "add", "urfunny", "--urfunny", tmp_path / "sdk", *more, "--json").out)
        for more in ([], ["--context", "--replace"])
    )
    assert plain["splits"]["test"]["utterances"] == longer["splits"]["test"]["utterances"] == 2
    assert plain["content"] != longer["content"]
    shown = cli("dataset", "show", "urfunny").out
    assert "audio columns   f0, VUV, NAQ" in shown
    assert "serious, humorous" in shown
    settings = ("data.text.encoder=null", "optim.epochs=1", "optim.batch_size=4")
    words = [word for text in settings for word in ("--set", text)]
    measured = json.loads(cli("train", "lf_dnn", "--dataset", "urfunny", *words, "--json").out)
    assert "acc_2" in measured[1]["metrics"]


def test_the_histogram_is_true_to_scale():
    assert bar(10, 10, 12) == "█" * 12
    assert bar(5, 10, 12) == "█" * 6
    assert bar(1, 1000, 12) == "▌"
    assert bar(0, 10, 12) == ""
    assert (size(999), size(91_567_205), size(1.5e9)) == ("999 B", "92 MB", "1.5 GB")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--low 1_0 --high 3", "'--low': '1_0' is not a number"),
        ("--low ３ --high 4", "'--low': '３' is not a number"),
        ("--low nan --high 3", "'--low': 'nan' is not a number"),
        ("--low -inf --high inf", "'--low': '-inf' is not a number"),
        ("--low 0 --high 1e999", "'--high': '1e999' is not a number"),
        ("--low 2 --high 1", "labels from 2 to 1 are not a range"),
        ("--low 2", "'own' is not one of the known datasets, and has no highest label given"),
        ("--low 0 --high 1 --language english", "did you mean 'en' (English)?"),
        ("--low -3 --high 3 --text 1", "is of an unknown kind"),
    ],
)
def test_ranges_languages_and_folds_that_are_none(refused, tmp_path, words, told):
    assert told in refused("dataset", "add", "own", "--labels", table(tmp_path / "l.csv"), *words.split())


def test_a_file_whose_name_begins_with_a_dash(cli, tmp_path):
    table(tmp_path / "-l.csv")
    for name in ("./-l.csv", "-l.csv"):
        added = cli("dataset", "add", "own", "--labels", name, "--low", "-3", "--high", "3", "--replace", "--json")
        assert added.status == 0, added.err


def test_utterances_are_listed_by_what_is_asked_for(cli, refused, tmp_path):
    labels, audio = write_table(tmp_path)
    cli("dataset", "add", "mine", "--labels", labels, "--audio", audio, "--low", -1, "--high", 1)
    found = json.loads(cli("dataset", "utterances", "mine", "--low", 0, "--split", "train", "--json").out)
    assert found == {"found": 0, "utterances": []}
    listed = json.loads(cli("dataset", "utterances", "mine", "--missing", "audio", "--json").out)["utterances"]
    assert [(row["id"], row["split"], row["label"], row["audio"], row["text"]) for row in listed] == [
        ("v8$_$0", "test", 1.0, None, "text 8")
    ]
    shown = cli("dataset", "utterances", "mine", "--words", "TEXT 3").out
    assert "v3$_$0" in shown
    assert "1 of 1" in shown
    assert "did you mean" in refused("dataset", "utterances", "mine", "--missing", "audi")
    assert "without a run" in refused("dataset", "utterances", "mine", "--difference", 1)


def test_a_dataset_is_exported_and_added_again(cli, refused, tmp_path):
    labels, audio = write_table(tmp_path)
    cli("dataset", "add", "mine", "--labels", labels, "--audio", audio, "--low", -1, "--high", 1)
    written = cli("dataset", "export", "mine", "--out", tmp_path / "out")
    assert (written.status, written.out.split()[0]) == (0, "wrote")
    assert "--replace" in refused("dataset", "export", "mine", "--out", tmp_path / "out")
    files = ("--labels", "out/labels.csv", "--audio", "out/audio.parquet")
    again = cli("dataset", "add", "copy", *files, "--low", -1, "--high", 1, "--json")
    first = json.loads(cli("dataset", "show", "mine", "--json").out)
    assert json.loads(again.out)["content"] == first["content"]
    assert cli("dataset", "export", "mine", "--format", "mmsa", "--out", tmp_path / "mine.pkl").status == 0
    assert cli("dataset", "add", "third", "--mmsa", tmp_path / "mine.pkl", "--low", -1, "--high", 1).status == 0
