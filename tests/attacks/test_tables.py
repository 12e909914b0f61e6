"""Tables and folds made to hurt: each fault is one line that says where, in bounded time and memory."""

import codecs
import json
from pathlib import Path

import pytest

from makers_hostile import NO_FILES, no_file, refusal
from makers_table import ROWS, table
from sentiprism.data.importers import csv_files
from sentiprism.data.importers.folds import split_videos
from sentiprism.data.importers.table import read_table

HEAD = "id,video_id,label,split\n"
SIZES = {"a": 3, "b": 2, "c": 1}


def read(path: Path) -> list:
    return list(read_table(path, features={}))


def given(folder: Path, content: str | bytes) -> Path:
    path = folder / "l.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "l.csv is empty"),
        ("\n\n", "l.csv has no rows"),
        (HEAD, "l.csv has no rows"),
        ("id;label;split\nx;1;train\n", "has semicolons between its cells; save it with commas"),
        ("id\tlabel\nx\t1\n", "has tabs between its cells"),
        (HEAD + "a,v,1\n", "line 2 has 3 cells, the first line 4"),
        (HEAD + "a,v,1,train\n\nb,v,1,train,x\n", "line 4 has 5 cells"),
        (HEAD + 'a,"v,1,train\nb,v,1,train\n', "a quotation mark is not closed"),
        (HEAD + 'a,"v"w,1,train\n', "line 2: there is text after a closing quotation mark"),
        (HEAD + f"a,{'v' * 200_000},1,train\n", "line 2: a cell has more than 131,072 characters"),
        ("id,id,label,split\nx,x,1,train\n", "has the column 'id' twice"),
        (HEAD.encode() + b"caf\xe9,v,1,train\n", "is not UTF-8 text (byte 27); save it as UTF-8"),
        (HEAD.encode("utf-16-le"), "is not text: it has NUL bytes"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8,\x00", "is not UTF-16 text"),
        (HEAD.encode() + b"\xed\xa0\x80,v,1,train\n", "is not UTF-8 text (byte 24)"),
        (HEAD + "a,v,1_0,train\n", "label of 'a' is '1_0'; write a number, such as -1.5"),
        (HEAD + "a,v,１,train\n", "label of 'a' is '１'"),
        (HEAD + "a,v,٣,train\n", "label of 'a' is '٣'"),
        (HEAD + "a,v,nan,train\n", "label of 'a' is 'nan'"),
        (HEAD + "a,v,1e999,train\n", "label of 'a' is '1e999'"),
        (HEAD + "a,v,infinity,train\n", "label of 'a' is 'infinity'"),
        (HEAD + "a,v,0x1,train\n", "label of 'a' is '0x1'"),
        (HEAD + "a,v,1,\x1b[31mtrain\n", "split of 'a' is '\\x1b[31mtrain'"),
    ],
)
def test_faulty_table_is_one_line(content: str | bytes, told: str, tmp_path: Path) -> None:
    refusal(lambda: read(given(tmp_path, content)), "l.csv", told)


@pytest.mark.parametrize("content", ["a," * 10_000_000, HEAD + "a," * 10_000_000, HEAD + '"' + "a" * 10_000_000])
def test_endless_lines_are_refused_before_they_are_cut_into_cells(content: str, tmp_path: Path) -> None:
    refusal(lambda: read(given(tmp_path, content)), "l.csv line", "has more than 4,000,000 characters")


def test_columns_rows_and_bytes_have_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ",".join(f"c{n}" for n in range(20_001))
    refusal(lambda: read(given(tmp_path, f"{names}\n{names}\n")), "more than 20,000 columns; give features as .npz")
    monkeypatch.setattr(csv_files, "MOST_ROWS", 2)
    refusal(lambda: read(table(tmp_path / "rows.csv")), "rows.csv has more than 2 rows")
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(csv_files.MOST_BYTES + 1)
    refusal(lambda: read(tmp_path / "large.csv"), "the limit for a table is 268 MB")


def test_many_unknown_columns_are_not_all_listed(tmp_path: Path) -> None:
    notes: list[str] = []
    rows = [row | {f"feature-{n}": "0" for n in range(133)} for row in ROWS]
    list(read_table(table(tmp_path / "l.csv", rows), features={}, notes=notes))
    assert notes[0].endswith("'feature-7' and 125 more are not known and not read")
    unlabelled = [{key: cell for key, cell in row.items() if key != "label"} for row in rows]
    message = refusal(lambda: read(table(tmp_path / "m.csv", unlabelled)), "has no column 'label'")
    assert message.endswith(" and 129 more")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_a_table_is_read_by_its_byte_order_mark(encoding: str, tmp_path: Path) -> None:
    text = HEAD + "ä_1,ä,1,train\n"
    mark = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""
    ((split, utterance),) = read(given(tmp_path, mark + text.encode(encoding)))
    assert (split, utterance.id, utterance.labels) == ("train", "ä_1", {"M": 1.0})
    folds = tmp_path / "folds.csv"
    folds.write_bytes(mark + "video_id,split\nä,train\nb,dev\n".encode(encoding))
    assert split_videos(folds, SIZES, []) == {"ä": "train", "b": "valid"}


@pytest.mark.parametrize("target", NO_FILES)
@pytest.mark.parametrize("name", ["labels.csv", "folds.csv", "folds.json"])
def test_what_is_no_file_is_refused_at_once(target: str, name: str, tmp_path: Path) -> None:
    path = no_file(tmp_path / name, target)
    call = (lambda: read(path)) if name == "labels.csv" else (lambda: split_videos(path, SIZES, []))
    refusal(call, f"{name} is not a regular file; save the ")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("f.json", "[" * 100_000, "is nested too deeply"),
        ("f.json", '{"train": ' + "[" * 500 + "]" * 500 + "}", "is nested too deeply"),
        ("f.json", '{"train": [["a"]]}', "'train' is not a list of video names"),
        ("f.json", '{"train": "abc"}', "'train' is not a list of video names"),
        ("f.json", '{"train": {"a": 1}}', "'train' is not a list of video names"),
        ("f.json", '{"train": ["a"], "train": ["b"]}', "the key 'train' twice"),
        ("f.json", '{"train": ["\\ud800"]}', "half of a surrogate pair"),
        ("f.json", '{"%s": ["a"]}' % ("x" * 100_000), "no split is called"),
        ("f.json", "null", "does not name splits"),
        ("f.json", "1" * 10_000, "is not JSON"),
        ("f.csv", "video,split\na,train\n", "has no column 'video_id'"),
        ("f.csv", "video_id,split\na\n", "line 2 has 1 cells"),
        ("f.csv", "video_id,split\na,trian\n", "did you mean 'train'?"),
        ("f.csv", "video_id,split\na,train\na,test\n", "video 'a' is in train and test"),
    ],
)
def test_faulty_folds_are_one_line(name: str, content: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(content)
    refusal(lambda: split_videos(path, SIZES, []), name, told)


@pytest.mark.parametrize("folds", ["１/３", "1_0/5", "+1/3", "1/" + "9" * 5000, "\0", "٣/٥", "1/3 ", "-1/3", ""])
def test_only_ascii_numbers_name_a_fold(folds: str) -> None:
    refusal(lambda: split_videos(folds, SIZES, []), "check the path, or give K/N, for example 1/5")


def test_well_formed_json_of_numbers_is_read_as_names(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    path.write_text(json.dumps({"train": [1, "b"]}))
    assert split_videos(path, SIZES, []) == {"1": "train", "b": "train"}
