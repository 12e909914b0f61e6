"""A figure's file depends on the run alone, and its colours and names on what they stand for."""

import sys

import matplotlib as mpl
import pytest

from sentiprism.errors import UserError
from sentiprism.report import figures
from sentiprism.report.figures.style import OKABE_ITO, colours, fitted


@pytest.mark.parametrize("suffix", [".pdf", ".svg", ".png"])
def test_a_file_depends_on_the_run_alone(trained, data, tmp_path, suffix):
    paths = [tmp_path / f"{n}{suffix}" for n in "ab"]
    with mpl.rc_context({"font.size": 3, "svg.fonttype": "none", "savefig.dpi": 20}):  # a user's own settings
        figures.save(figures.weights(trained, device="cpu"), paths[0])
    before = dict(mpl.rcParams)
    figures.save(figures.weights(trained, device="cpu"), paths[1])
    assert dict(mpl.rcParams) == before
    a, b = (path.read_bytes() for path in paths)
    assert a == b
    if suffix == ".pdf":
        assert b"/FontFile2" in a  # the font itself is in the file
        assert b"/Type3" not in a
        assert b"CreationDate" not in a
    if suffix == ".svg":
        assert b"<text" not in a  # letters are outlines
        assert b"<image" not in a


def test_a_file_of_another_kind_is_refused(trained, tmp_path):
    with pytest.raises(UserError, match=r"\.pdf, \.svg, \.png"):
        figures.save(None, tmp_path / "a.jpg")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", ["matplotlib", "sklearn.manifold"])
def test_a_missing_package_names_the_extra(trained, data, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=r"pip install .*\[figures\]"):
        figures.tsne(trained, device="cpu")


def test_colours_are_a_modalitys_own_and_ordered_where_classes_are():
    assert colours(["text", "specific.text", "sound", "audio"]) == [
        OKABE_ITO[0],
        OKABE_ITO[0],
        OKABE_ITO[2],
        OKABE_ITO[1],
    ]
    seven = colours([str(i) for i in range(7)], ordered=True)
    assert len(set(seven)) == 7
    assert colours(["a", "b", "c"], ordered=True) == [seven[1], seven[3], seven[5]]


def test_long_names_are_broken_at_dots_and_underscores():
    lines = fitted("global_path.encoders.vision_layers", 0.9).split("\n")
    assert "".join(lines) == "global_path.encoders.vision_layers"
    assert len(lines) > 1
    assert all(line[-1] in "._" for line in lines[:-1])
