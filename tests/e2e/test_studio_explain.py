"""From a comparison of two runs to why they differ, in a real browser."""

import pytest

from makers_browser import expect
from makers_cli import SIZES, SMALL
from makers_processes import needs_proc
from makers_studio import Server
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.training.train import train

pytestmark = needs_proc


@pytest.fixture
def studio(home, tmp_path, monkeypatch):
    """A studio with two runs that have predicted valid."""
    monkeypatch.chdir(tmp_path)
    data = synthetic_dataset("tiny", sizes=SIZES)
    for name, model in (("a", "mdf"), ("b", "lf_dnn")):
        settings = {"optim": SMALL["optim"]} if model == "lf_dnn" else SMALL
        run = train(model, data, seeds=1, settings=settings, out=tmp_path / name, device="cpu", quiet=True)
        evaluate(run, "valid", device="cpu")
    opened = Server(home, tmp_path)
    opened.studio.runner.start()
    yield opened
    opened.close()


def test_where_two_runs_differ_and_why(studio, watched):
    page = watched(studio.link, viewport={"width": 360, "height": 800}, color_scheme="dark")
    page.goto(f"{studio.address}/train")
    page.get_by_role("link", name="a", exact=True).click()
    page.get_by_role("button", name="Where they differ").click()
    expect(page.locator(".differing tbody tr").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.get_by_role("button", name="Why").first.click()
    expect(page.locator(".pill")).to_have_text("done")
    expect(page.locator(".explained")).to_have_count(2)
    expect(page.locator(".attribution").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
