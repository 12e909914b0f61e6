"""The studio's whole path: from six clips to a model that was adapted to labels of two raters."""

import csv
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from makers_browser import Page, expect
from makers_hands import Hand, Locator
from makers_studio import Server, wait_for
from sentiprism.report.files import read_report
from sentiprism.report.wording import signed

CLIPS = (
    "0h-zjBukYpk_23", "1iG0909rllw_15", "5W7Z1C_fDaE_10", "6Egk_28TtTM_7", "7JsX8y1ysxY_7", "9c67fiY0wGQ_8",
)  # fmt: skip
"""Clips of three to four seconds of CMU-MOSI, each of another speaker."""
RATERS = ("Ann", "Ben")
TASK, DATASET = "Reviews", "reviews"
SCALE = 7
SHORT = "1.1"
"""Most seconds of an utterance: there must be twenty of them beside those of the split test."""


def with_transcripts(raw: Path, folder: Path) -> list[Path]:
    """The clips, and their texts as files of their names.

    Args:
        raw: folder of the clips and their table.
        folder: for the texts.
    """
    with (raw / "labels.csv").open(encoding="utf-8") as file:
        said = {row["file"].removesuffix(".mp4"): row["text"] for row in csv.DictReader(file)}
    texts = [folder / f"{name}.txt" for name in CLIPS]
    for path in texts:
        path.write_text(said[path.stem], encoding="utf-8")
    return [*(raw / f"{name}.mp4" for name in CLIPS), *texts]


class StudioPath:
    """Walks the path in its order; each step begins where the one before has ended.

    Args:
        server: without recordings.
        hand: on the page Home.
        files: clips and their texts.
    """

    def __init__(self, server: Server, hand: Hand, files: list[Path]) -> None:
        self.server, self.hand, self.files = server, hand, files
        self.page: Page = hand.page
        self.ratings: dict[str, list[int]] = {}
        """By the words of an utterance, which no two share."""

    @property
    def steps(self) -> list[Callable[[], None]]:
        """All of them, in their order."""
        return [
            self.upload, self.analyze, self.open_report, self.make_task, self.rate, self.see_alpha, self.adjudicate,
            self.make_dataset, self.adapt, self.analyze_again, self.compare, self.export,
        ]  # fmt: skip

    def follow(self, target: Locator) -> None:
        """Press what leads to another page, and wait until that page is there."""
        self.page.evaluate("document.documentElement.dataset.left = 'yes'")
        self.hand.press(target)
        expect(self.page.locator("html[data-left]")).to_have_count(0)
        self.page.wait_for_load_state()

    def link(self, name: str) -> None:
        self.follow(self.page.get_by_role("link", name=name, exact=True).first)

    def button(self, name: str) -> None:
        self.follow(self.page.get_by_role("button", name=name, exact=True).first)

    def open(self, summary: str) -> None:
        self.hand.press(self.page.locator("summary", has_text=summary).first)

    def wait_for_job(self) -> None:
        expect(self.page.locator(".pill.done, .pill.failed")).to_be_attached()
        expect(self.page.locator("header .pill")).to_have_text("done")

    def upload(self) -> None:
        self.link("Recordings")
        self.hand.add_files(self.page.locator("#files"), self.files)
        expect(self.page.locator("#list-title")).to_have_text("12 recordings")

    def analyze(self) -> None:
        self.hand.tick(self.page.get_by_label("Choose all on this page"))
        self.open("Settings of the analysis")
        self.hand.fill(self.page.locator("#asr"), "none")
        self.button("Analyze")
        expect(self.page.get_by_role("progressbar")).to_be_visible()
        self.wait_for_job()

    def open_report(self) -> None:
        row = self.page.get_by_role("row", name=f"{CLIPS[0]}.mp4")
        self.follow(row.get_by_role("link", name="Open the report"))
        expect(self.page.locator("h1")).to_have_text(f"{CLIPS[0]}.mp4")
        expect(self.page.locator("#list > li")).to_have_count(1)
        wait_for(lambda: self.page.evaluate("document.querySelector('video').readyState") >= 1, "the video")
        self.link("← Back to the studio")
        expect(self.page.locator("td .verdict")).to_have_count(len(CLIPS))

    def make_task(self) -> None:
        self.hand.tick(self.page.get_by_label("Choose all on this page"))
        self.button("Label")
        self.hand.fill(self.page.get_by_label("Name of the task"), TASK)
        self.open("Settings of speech detection")
        self.hand.fill(self.page.locator("#asr"), "none")
        self.hand.fill(self.page.locator("#longest"), SHORT)
        self.button("Make the task")
        expect(self.page.get_by_role("button", name="Start rating")).to_be_visible()  # by itself

    def rate(self) -> None:
        for number, name in enumerate(RATERS):
            self.hand.fill(self.page.get_by_label("Your name"), name)
            self.button("Start rating")
            progress = self.page.locator(".rate-progress .quiet")
            expect(progress).to_have_text(re.compile(r"^0 of \d+ rated$"))
            count = int(progress.inner_text().split()[2])
            for done in range(count):
                expect(self.page.locator("form[data-ready]")).to_be_attached()
                expect(progress).to_have_text(f"{done} of {count} rated")
                words = self.page.locator(".small-words").inner_text()
                value = min(len(words) % SCALE + (number and done % 2), SCALE - 1)
                self.ratings.setdefault(words, []).append(value)
                self.hand.rate(value)
            expect(self.page.get_by_text(f"All {count} rated")).to_be_visible()
            self.link("To the task")
        assert {len(one) for one in self.ratings.values()} == {len(RATERS)}, "no two utterances have the same words"

    def see_alpha(self) -> None:
        given = np.array(list(self.ratings.values()), float)
        alpha = 1 - np.mean((given[:, 0] - given[:, 1]) ** 2) / (2 * given.var(ddof=1))
        expect(self.page.locator(".numbers dd").first).to_contain_text(f"{alpha:.3f}")
        self.button("Close the task")

    def adjudicate(self) -> None:
        self.link("Settle disagreements")
        self.follow(self.page.locator("tbody th a").first)
        self.hand.fill(self.page.get_by_label("Label", exact=True), "-2.5")
        self.hand.fill(self.page.get_by_label("Who decides"), "Judge")
        self.follow(self.page.locator("[data-save]"))
        self.link("Label")
        self.link(TASK)

    def make_dataset(self) -> None:
        self.hand.fill(self.page.get_by_label("Name of the dataset"), DATASET)
        self.hand.choose(self.page.get_by_label("Face features"), "expression")
        self.button("Make a dataset")
        self.wait_for_job()
        expect(self.page.get_by_role("heading", name=f"Dataset {DATASET}", exact=True)).to_be_visible()

    def adapt(self) -> None:
        self.link("Label")
        self.link(TASK)
        self.button("Adapt the starter to these labels")
        self.wait_for_job()
        self.link("Compare before and after")
        expect(self.page.locator(".comparison").first).to_contain_text(re.compile(r"MAE.*Δ .*\[", re.DOTALL))

    def analyze_again(self) -> None:
        model = self.page.locator("h1").inner_text()
        expect(self.page.get_by_text("not analyzed yet")).to_have_count(len(CLIPS))
        self.button("Analyze with the adapted model")
        self.wait_for_job()
        self.link("Train")
        self.link(model)

    def compare(self) -> None:
        lines = self.page.locator(".before-after tbody tr")
        expect(lines).to_have_count(len(CLIPS))
        expect(lines.locator(".verdict")).to_have_count(2 * len(CLIPS))
        reports = sorted((self.server.studio.workspace / "reports").iterdir())
        means = {path.name: read_report(path).summary.mean for path in reports}
        before = {name: means.pop(name) for name in CLIPS}
        assert {name.partition("-by-models-")[0] for name in means} == set(CLIPS), "no report was written over"
        after = {name.partition("-by-models-")[0]: value for name, value in means.items()}
        assert before != after
        for name in CLIPS:
            line = self.page.get_by_role("row", name=f"{name}.mp4")
            expect(line.locator(".figure").last).to_have_text(signed(after[name] - before[name]))

    def export(self) -> None:
        self.link("Data")
        self.link(DATASET)
        self.open("Export")
        self.button("Table and features")
        self.wait_for_job()
        with self.page.expect_download() as started:
            self.hand.press(self.page.get_by_role("link", name="Download"))
        with zipfile.ZipFile(started.value.path()) as packed:
            table = list(csv.DictReader(packed.read(f"{DATASET}_table/labels.csv").decode().splitlines()))
        assert len(table) == len(self.ratings)
        assert "-2.5" in {f"{float(row['label']):g}" for row in table}
