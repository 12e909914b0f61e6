"""The documentation site builds without a warning, has a page for each model, and loads nothing from elsewhere."""

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import sentiprism
from makers_ci import skip_or_fail
from makers_docs import DOCS, ROOT, commands, faults
from sentiprism.models import MODELS

LOADED = re.compile(r"""<(?:script|img|source|iframe)\b[^>]*\bsrc="(?!data:)([^"]+)"|<link\b[^>]*\bhref="([^"]+)\"""")
"""What a browser asks for when it shows a page."""
OURS = {name: model for name, model in MODELS.items() if model.__module__.startswith("sentiprism.models.")}
"""Models of this project: other tests may load plugins."""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The built site; every warning is an error."""
    lacking = [name for name in ("sphinx", "myst_parser", "furo", "latex2mathml") if find_spec(name) is None]
    if lacking:
        skip_or_fail(f"the documentation cannot be built without {', '.join(lacking)} (extra docs)")
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(DOCS, folder / "docs", ignore=shutil.ignore_patterns("_build"))  # pages are made among the sources
    shutil.copy(ROOT / "README.md", folder)  # pages take parts of it and of the example
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    built = subprocess.run(
        [*command, folder / "docs", folder / "html"], check=False, capture_output=True, text=True, timeout=280
    )
    assert (built.returncode, built.stderr) == (0, "")
    return folder / "html"


def test_every_model_has_a_page_with_its_paper_fields_and_experiments(site):
    index = (site / "models" / "index.html").read_text(encoding="utf-8")
    for name, model in OURS.items():
        page = (site / "models" / f"{name}.html").read_text(encoding="utf-8")
        assert f'href="{name}.html"' in index
        assert str(model.citation.year) in page
        for field in model.Config.model_fields.keys() - {"loss_weights"}:
            assert f">{field}<" in page, f"{name}: no line about {field}"
    mdf = (site / "models" / "mdf.html").read_text(encoding="utf-8")
    assert "mdf/jian2026_mosi" in mdf
    assert "0.692" in mdf  # the MAE that the paper published
    assert "ε of Eq. 10" in mdf  # the text below a field
    assert "BERT(X_t)[0]" in mdf  # a row of its deviations
    assert "Deviations:" not in mdf
    assert "Measured numbers" in mdf  # of docs/results.md


def test_the_page_on_deviations_has_those_of_every_model(site):
    page = (site / "deviations.html").read_text(encoding="utf-8")
    for name in OURS:
        assert f'href="models/{name}.html"' in page
    assert "BERT(X_t)[0]" in page  # of MDF
    assert "fused kernels" in page  # of all models
    assert "src/sentiprism" not in page


def test_equations_link_lines_of_source_pages(site):
    links = 0
    for name in OURS:
        page = (site / "models" / f"{name}.html").read_text(encoding="utf-8")
        for target, line in re.findall(r'href="\.\./(source/[\w/]+\.html)(?:#(line-\d+))?"', page):
            source = (site / target).read_text(encoding="utf-8")
            assert not line or f'id="{line}"' in source, f"{name}: {target}#{line}"
            links += bool(line)
    assert links > 100
    mdf = (site / "source" / "sentiprism" / "models" / "mdf.html").read_text(encoding="utf-8")
    assert "# Eq. 8" in mdf


def test_every_public_name_and_every_command_is_in_the_reference(site):
    page = (site / "reference" / "python.html").read_text(encoding="utf-8")
    for name, module in sentiprism._API.items():
        assert f'id="sentiprism.{name}"' in page or f'id="{module}.{name}"' in page, name
    commands = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    for command in ("analyze", "dataset add", "figure tsne"):
        assert f"sentiprism {command} [OPTIONS]" in commands
    assert "--modality" in commands


def test_generated_pages_print_commands_that_the_command_line_reads(site):
    pages = [*(site.parent / "docs" / "models").glob("*.md"), site.parent / "docs" / "reference" / "commands.md"]
    found = [command for page in pages for command in commands(page.read_text(encoding="utf-8"))]
    assert len(found) > 2 * len(OURS)
    assert faults([command for command in found if "[OPTIONS]" not in command]) == {}


def test_no_page_loads_anything_from_elsewhere(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        for script, style in LOADED.findall(page.read_text(encoding="utf-8")):
            assert not re.match(r"(https?:)?//", script or style), f"{page.name} loads {script or style}"
    for style in site.rglob("*.css"):
        found = re.findall(r"""(?:url\(|@import)\s*["']?(https?:)?//""", style.read_text(encoding="utf-8"))
        assert found == [], style.name


def test_formulas_are_drawn_by_the_browser_itself(site):
    page = (site / "concepts" / "metrics.html").read_text(encoding="utf-8")
    assert page.count("<math") > 5
    assert "\\frac" not in page


def test_no_page_is_wider_than_a_phone_or_asks_for_anything_outside(site, browser):
    asked, wide = [], []
    page = browser.new_page(viewport={"width": 400, "height": 800})
    page.on("request", lambda request: asked.append(request.url))
    for path in sorted(site.rglob("*.html")):
        page.goto(path.as_uri())
        if page.evaluate("document.documentElement.scrollWidth") > 400:
            wide.append(path.name)
    page.close()
    assert wide == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert len(asked) > 100
