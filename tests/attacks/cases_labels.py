"""Tables of labels, and what is said of them on the command line."""

from collections.abc import Callable
from pathlib import Path

from makers_attacks import Case, content, specials

HEAD = "id,video_id,text,label,split\n"
ROWS = "a,v1,good,1,train\nb,v2,bad,-1,valid\nc,v3,fine,0,test\n"
RANGE = ("--low", "-3", "--high", "3")
ADD = ("dataset", "add", "mine", *RANGE)
LABELS = (*ADD, "--labels", "t.csv")
WIDE = "\uff11", "\uff12"
"""Digits that Python reads as numbers."""


def table(rows: str, head: str = HEAD) -> Callable[[Path], object]:
    return content("t.csv", head + rows)


CASES = [
    *specials("labels", "t.csv", LABELS),
    Case("labels", "only a header", LABELS, "has no rows|no table", table("")),
    Case("labels", "NUL bytes", LABELS, "t.csv", table("a,v1,go\0od,1,train\n" + ROWS)),
    Case(
        "labels", "Latin-1", LABELS, "UTF-8", content("t.csv", (HEAD + ROWS).replace("good", "café").encode("latin-1"))
    ),
    Case("labels", "UTF-16 without a mark", LABELS, "t.csv", content("t.csv", (HEAD + ROWS).encode("utf-16-le"))),
    Case("labels", "a column twice", LABELS, "twice", table("", "id,id,video_id,label,split\na,a,v,1,train\n")),
    Case("labels", "an id twice", LABELS, "'a'", table(ROWS + "a,v1,x,0,train\n")),
    Case("labels", "a blank id", LABELS, "id", table(ROWS + ",v1,x,0,train\n")),
    Case("labels", "an id of white space", LABELS, "id", table(ROWS + "  ,v1,x,0,train\n")),
    Case("labels", "an id with ESC", LABELS, "id", table(ROWS + "\x1b[31md,v1,x,0,train\n")),
    Case("labels", "an id of 100,000 letters", LABELS, "id", table(ROWS + "d" * 100_000 + ",v1,x,0,train\n")),
    Case("labels", "a label with an underscore", LABELS, "'1_0'", table(ROWS + "d,v1,x,1_0,train\n")),
    Case("labels", "a label in full-width digits", LABELS, "label", table(ROWS + f"d,v1,x,{WIDE[0]},train\n")),
    Case("labels", "a label that is nan", LABELS, "nan", table(ROWS + "d,v1,x,nan,train\n")),
    Case("labels", "a label that is infinite", LABELS, "inf", table(ROWS + "d,v1,x,-inf,train\n")),
    Case("labels", "a label in hexadecimal", LABELS, "0x1", table(ROWS + "d,v1,x,0x1,train\n")),
    Case("labels", "a label of 10,000 digits", LABELS, "label", table(ROWS + f"d,v1,x,{'9' * 10_000},train\n")),
    Case("labels", "a label off the range", LABELS, "range", table(ROWS + "d,v1,x,3.01,train\n")),
    Case("labels", "an empty label", LABELS, "label", table(ROWS + "d,v1,x,,train\n")),
    Case("labels", "a split of another name", LABELS, "'tset'", table(ROWS + "d,v4,x,0,tset\n")),
    Case("labels", "a split without utterances", LABELS, "test", table(ROWS.replace("test", "train"))),
    Case("labels", "a video in two splits", LABELS, "'v1'", table(ROWS + "d,v1,x,0,test\n")),
    Case("labels", "no label column", LABELS, "'label'", content("t.csv", "id,video_id,split\na,v,train\n")),
    Case("labels", "a quote that never closes", LABELS, "t.csv", table(ROWS + 'd,v1,"x,0,train\n' * 50)),
    Case("labels", "rows of unequal length", LABELS, "t.csv", table(ROWS + "d,v1\n")),
    Case(
        "labels",
        "no text and no features",
        LABELS,
        "text|features",
        table(ROWS.replace("good", "").replace("bad", "").replace("fine", "")),
    ),
    Case(
        "labels",
        "100,000 columns",
        LABELS,
        "t.csv|column",
        content("t.csv", ",".join(f"c{n}" for n in range(100_000)) + "\n" + "," * 99_999 + "\n"),
    ),
    Case("labels", "a pattern of no column", (*LABELS, "--column", "id={nothing}"), "'nothing'", table(ROWS)),
    Case("labels", "a column of no name", (*LABELS, "--column", "nothing=id"), "'nothing'", table(ROWS)),
    Case(
        "labels",
        "a column twice on the line",
        (*LABELS, "--column", "id=id", "--column", "id=text"),
        "twice",
        table(ROWS),
    ),
    Case("labels", "UTF-16 with a mark is read", LABELS, "mine", content("t.csv", (HEAD + ROWS).encode("utf-16")), 0),
    Case("labels", "UTF-8 with a mark is read", LABELS, "mine", content("t.csv", (HEAD + ROWS).encode("utf-8-sig")), 0),
    Case(
        "labels",
        "a path that begins with a dash is read",
        (*ADD, "--labels=-t.csv"),
        "mine",
        content("-t.csv", HEAD + ROWS),
        0,
    ),
    Case(
        "labels",
        "an infinite range",
        ("dataset", "add", "mine", "--labels", "t.csv", "--low", "-inf", "--high", "inf"),
        "low|range|finite",
        table(ROWS),
    ),
    Case(
        "labels",
        "a range that is nan",
        ("dataset", "add", "mine", "--labels", "t.csv", "--low", "nan", "--high", "3"),
        "low|range|finite",
        table(ROWS),
    ),
    Case(
        "labels",
        "a reversed range",
        ("dataset", "add", "mine", "--labels", "t.csv", "--low", "3", "--high", "-3"),
        "low|range",
        table(ROWS),
    ),
    Case(
        "labels",
        "a range of no width",
        ("dataset", "add", "mine", "--labels", "t.csv", "--low", "1", "--high", "1"),
        "low|range",
        table(ROWS),
    ),
    Case(
        "labels",
        "one class",
        ("dataset", "add", "mine", "--labels", "t.csv", "--classes", "good"),
        "two|class",
        table(ROWS),
    ),
    Case(
        "labels",
        "a class twice",
        ("dataset", "add", "mine", "--labels", "t.csv", "--classes", "1,1"),
        "class|twice",
        table(ROWS),
    ),
    Case("labels", "a language that is none", (*LABELS, "--language", "klingon"), "klingon", table(ROWS)),
    Case("labels", "a language with ESC", (*LABELS, "--language", "\x1b[2J"), "language", table(ROWS)),
]
