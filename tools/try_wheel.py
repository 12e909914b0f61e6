"""Try a wheel in an empty environment outside of the checkout: ``python tools/try_wheel.py dist/sentiprism-*.whl``."""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
WHERE = "import sentiprism; print(sentiprism.__file__)"
SITE = "import sysconfig; print(sysconfig.get_path('purelib'))"
DATA = "import platformdirs; print(platformdirs.user_data_dir('sentiprism', appauthor=False))"
TRAIN = ["train", "text_only", "--dataset", "synthetic", "--seeds", "1", "--set", "optim.epochs=1", "--out", "run"]
REVIEW = "I loved the acting. The plot was thin. But the ending made me cry.\n"


class Place:
    """A fresh environment in a scratch folder, with a separate dataset store."""

    def __init__(self, scratch: Path) -> None:
        self.work = scratch / "work"
        self.work.mkdir()
        self.bin = scratch / "env" / ("Scripts" if os.name == "nt" else "bin")
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
        self.environment["SENTIPRISM_HOME"] = str(scratch / "home")
        subprocess.run([sys.executable, "-m", "venv", str(scratch / "env")], check=True)

    def run(self, program: str, *words: str) -> str:
        """Run a program of the environment and return its output; exit if it fails."""
        command = [str(self.bin / program), *words]
        done = subprocess.run(
            command, cwd=self.work, env=self.environment, stdout=subprocess.PIPE, encoding="utf-8", check=False
        )
        if done.returncode:
            sys.exit(f"failed: {' '.join(command)}\n{done.stdout}")
        return done.stdout

    def install(self, wheel: Path, site: str, torch: str) -> str:
        """Install the wheel by pip, and describe the source of its dependencies."""
        if not site:
            self.run("python", "-m", "pip", "install", "--quiet", *torch.split())
            self.run(
                "python", "-m", "pip", "install", "--quiet", "-c", str(ROOT / "constraints.txt"), f"{wheel}[media]"
            )
            return "dependencies: installed by pip into the empty environment"
        own = Path(self.run("python", "-c", SITE).strip())
        (own / "borrowed.pth").write_text(f"{Path(site).resolve()}\n", encoding="utf-8")
        self.run("python", "-m", "pip", "install", "--quiet", "--no-deps", "--ignore-installed", str(wheel))
        return f"dependencies: borrowed from {site} (WHEEL_SITE); the wheel alone was installed by pip"


def expect(truth: bool, what: str) -> None:
    """Exit with an error if a check fails."""
    if not truth:
        sys.exit(f"failed: {what}")
    print(f"ok: {what}", flush=True)


def main() -> None:
    """Install a wheel and use it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--site", default="", help="folder of installed packages to take the dependencies from")
    parser.add_argument("--torch", default="torch", help="requirement for torch, passed to pip")
    given = parser.parse_args()
    wheel = given.wheel.resolve()
    version = wheel.name.split("-")[1]
    with TemporaryDirectory(prefix="sentiprism-wheel-") as scratch:
        place = Place(Path(scratch).resolve())
        expect(not place.work.is_relative_to(ROOT), f"{place.work} is outside of the checkout")
        print(place.install(wheel, given.site, given.torch), flush=True)
        try_wheel(place, version)
    print(f"{wheel.name} works")


def try_wheel(place: Place, version: str) -> None:
    """Use the installed package: version, help, models, a paper's table, a training, an analysis of a text."""
    module = Path(place.run("python", "-c", WHERE).strip())
    expect(module.is_relative_to(place.bin.parent), "the package is the installed one, not the checkout's")
    assets = Path(place.run("python", "-c", DATA).strip()) / "assets"
    if assets.is_dir():  # reuse this user's downloaded assets
        place.environment.setdefault("SENTIPRISM_ASSETS", str(assets))
    expect(version in place.run("sentiprism", "--version"), f"--version is {version}")
    expect("reproduce" in place.run("sentiprism", "--help"), "--help lists commands")
    expect("dpdf_lq" in place.run("sentiprism", "models"), "models lists models")
    expect(
        "published" in place.run("sentiprism", "reproduce", "mdf", "--dataset", "mosi").lower(),
        "reproduce shows a table",
    )
    place.run("sentiprism", *TRAIN)
    expect((place.work / "run" / "seed-1111" / "model").is_dir(), "train trains a model on the synthetic dataset")
    (place.work / "review.txt").write_text(REVIEW, encoding="utf-8")
    place.run("sentiprism", "analyze", "review.txt", "--out", "report")
    page = (place.work / "report" / "report.html").read_text(encoding="utf-8")
    expect("The plot was thin" in page, "analyze makes a report of a text")


if __name__ == "__main__":
    main()
