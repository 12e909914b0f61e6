"""UR-FUNNY's public pickles are read as their release lays them out, in the three forms that features may have."""

from pathlib import Path

import numpy as np
import pytest

from makers_urfunny import WORDS, make_urfunny, write_urfunny
from sentiprism.data.importers.import_dataset import import_dataset
from sentiprism.data.importers.sources import UrfunnySource
from sentiprism.data.importers.urfunny import COLUMNS, read_urfunny
from sentiprism.errors import UserError


def read(folder: Path, **options) -> tuple[dict, list[str]]:
    notes: list[str] = []
    rows = {}
    for split, one in read_urfunny(folder, notes=notes, **options):
        rows[one.id] = (split, one, {key: np.array(value) for key, value in one.sequences.items()})
    return rows, notes


@pytest.mark.parametrize("form", ["arrays", "vectors", "lists"])
def test_punchlines_have_a_step_a_word(tmp_path: Path, form: str) -> None:
    content = make_urfunny(tmp_path / "sdk", form=form)
    rows, notes = read(tmp_path / "sdk")
    splits = {str(one): name for name, ids in content["data_folds"].items() for one in ids}
    assert {name: split for name, (split, *_) in rows.items()} == {
        name: {"dev": "valid"}.get(split, split) for name, split in splits.items()
    }
    vectors = np.stack(content["word_embedding_list"])
    for name, (_, one, sequences) in rows.items():
        language = content["language_sdk"][int(name)]
        assert one.text == language["punchline_sentence"]
        assert one.labels == {"M": float(content["humor_label_sdk"][int(name)])}
        np.testing.assert_array_equal(sequences["text"], vectors[language["punchline_embedding_indexes"]])
        for key, file in (("audio", "covarep_features_sdk"), ("vision", "openface_features_sdk")):
            np.testing.assert_array_equal(sequences[key], np.array(content[file][int(name)]["punchline_features"]))
        assert {len(steps) for steps in sequences.values()} == {len(one.text.split())}
    assert "sdk: the files are laid out as version 2 of UR-FUNNY (language_sdk.pkl)" in notes


@pytest.mark.parametrize("form", ["arrays", "lists"])
def test_context_comes_before_the_punchline_where_it_is_asked_for(tmp_path: Path, form: str) -> None:
    content = make_urfunny(tmp_path, form=form, n=12)
    rows, _ = read(tmp_path, context=True)
    assert any(content["language_sdk"][int(name)]["context_sentences"] == [] for name in rows), "some have none"
    for name, (_, one, sequences) in rows.items():
        language, audio = content["language_sdk"][int(name)], content["covarep_features_sdk"][int(name)]
        assert one.text == " ".join([*language["context_sentences"], language["punchline_sentence"]])
        expected = np.concatenate([*map(np.array, audio["context_features"]), np.array(audio["punchline_features"])])
        np.testing.assert_array_equal(sequences["audio"], expected)
        assert len(sequences["text"]) == len(sequences["vision"]) == len(expected) == len(one.text.split())


def test_the_first_versions_text_is_put_together_from_its_words(tmp_path: Path) -> None:
    content = make_urfunny(tmp_path, first=True)
    rows, notes = read(tmp_path)
    for name, (_, one, sequences) in rows.items():
        indexes = content["word_embedding_indexes_sdk"][int(name)]["punchline_embedding_indexes"]
        assert one.text == " ".join(WORDS[index] for index in indexes)
        assert sequences["vision"].shape == (len(indexes), 75)
    assert any("version 1 of UR-FUNNY" in note for note in notes)
    (tmp_path / "word_list.pkl").unlink()
    assert {one.text for _, one, _ in read(tmp_path)[0].values()} == {None}


def test_words_stand_in_for_a_sentence_that_is_not_there(tmp_path: Path) -> None:
    content = make_urfunny(tmp_path)
    expected = {str(one): entry.pop("punchline_sentence") for one, entry in content["language_sdk"].items()}
    write_urfunny(tmp_path, "language_sdk", content["language_sdk"])
    assert {name: one.text for name, (_, one, _) in read(tmp_path)[0].items()} == expected
    for entry in content["language_sdk"].values():
        entry["punchline_sentence"] = entry.pop("punchline_features")  # a list of words, as its README draws it
    write_urfunny(tmp_path, "language_sdk", content["language_sdk"])
    assert {name: one.text for name, (_, one, _) in read(tmp_path)[0].items()} == expected


def test_what_is_not_there_is_missing_and_said(tmp_path: Path) -> None:
    content = make_urfunny(tmp_path / "sdk")
    first, second, third = content["data_folds"]["train"][:3]
    del content["humor_label_sdk"][first], content["covarep_features_sdk"][second]
    content["openface_features_sdk"][third]["punchline_features"] = []
    content["covarep_features_sdk"][third]["punchline_features"] *= 2
    for name in ("humor_label_sdk", "covarep_features_sdk", "openface_features_sdk"):
        write_urfunny(tmp_path / "sdk", name, content[name])
    rows, notes = read(tmp_path / "sdk")
    assert str(first) not in rows
    assert rows[str(second)][2].keys() == {"text", "vision"}
    assert rows[str(third)][2].keys() == {"text", "audio"}
    assert "sdk: has no label, not read in 1 segments" in notes
    assert "sdk: words, audio and vision are not equally long in 1 segments" in notes
    (tmp_path / "sdk" / "openface_features_sdk.pkl").unlink()
    rows, notes = read(tmp_path / "sdk")
    assert not any("vision" in sequences for *_, sequences in rows.values())
    assert "sdk has no openface_features_sdk.pkl" in notes


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("data_folds", lambda folds: folds.pop("dev"), r"data_folds\.pkl has no split 'valid'"),
        ("data_folds", lambda folds: folds.update(dev=[[1]]), r"data_folds\.pkl does not name segments"),
        (
            "humor_label_sdk",
            lambda labels: labels.update({101: 2}),
            r"has 2(\.0)? for segment '101' instead of 0 or 1",
        ),
        ("covarep_features_sdk", lambda sdk: sdk.update({101: [1, 2]}), r"does not have punchline and context"),
        (
            "covarep_features_sdk",
            lambda sdk: sdk[101].update(punchline_features=[[1.0, 2.0], [1.0]]),
            r"covarep_features_sdk\.pkl does not have one vector per word",
        ),
        (
            "language_sdk",
            lambda sdk: sdk[101].update(punchline_embedding_indexes=[3, 10]),
            r"has an index of a word outside of the 10 there are",
        ),
        (
            "language_sdk",
            lambda sdk: sdk[101].update(punchline_embedding_indexes=["so"]),
            r"has indexes of words that are not numbers",
        ),
    ],
)
def test_what_is_no_release_is_one_line(tmp_path: Path, name: str, change, message: str) -> None:
    content = make_urfunny(tmp_path)
    change(content[name])
    write_urfunny(tmp_path, name, content[name])
    with pytest.raises(UserError, match=message) as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_folder_without_the_files_says_which(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder; give the folder of UR-FUNNY's pickles"):
        read(tmp_path / "absent")
    with pytest.raises(UserError, match=r"has no data_folds\.pkl"):
        read(tmp_path)
    make_urfunny(tmp_path)
    for name in ("language_sdk", "covarep_features_sdk", "openface_features_sdk"):
        (tmp_path / f"{name}.pkl").unlink()
    with pytest.raises(UserError, match=r"has folds and labels, and no features; add language_sdk\.pkl"):
        read(tmp_path)


def test_it_is_imported_as_the_known_dataset_with_its_columns_named(home: Path, tmp_path: Path) -> None:
    make_urfunny(tmp_path / "sdk")
    dataset = import_dataset("urfunny", UrfunnySource(tmp_path / "sdk"))
    card = dataset.card
    assert (card.protocol, card.target.classes) == ("binary", ("serious", "humorous"))
    assert card.widths == {"text": 300, "audio": 81, "vision": 371}
    assert card.text_encoder is None, "GloVe is no encoder's"
    assert card.source == "urfunny sdk"
    assert {name: len(names) for name, names in card.columns.items()} == {"audio": 81, "vision": 371}
    assert (card.columns["audio"][-1], card.columns["vision"][2:4]) == ("VAD", ("gaze_0_x", "gaze_0_y"))
    assert (card.columns["vision"][290], card.columns["vision"][-1]) == ("pose_Tx", "AU45_c")
    assert any("train has 6 utterances, the official split 10598" in warning for warning in card.warnings)
    assert any("each counts as a separate video" in warning for warning in card.warnings)
    assert dataset.train.labels["M"].dtype == np.int64
    longer = import_dataset("urfunny", UrfunnySource(tmp_path / "sdk", context=True), replace=True).card
    assert longer.splits["train"].lengths["audio"][1] > card.splits["train"].lengths["audio"][1]


def test_names_of_features_are_each_once() -> None:
    assert all(len(set(names)) == len(names) for names in COLUMNS.values())
