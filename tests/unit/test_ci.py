"""Where CI runs the tests, what needs a browser and has none fails; on a user's machine it is skipped."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from makers_ci import skip_or_fail

ROOT = Path(__file__).parents[2]


def test_what_is_lacking_is_a_failure_in_ci_and_a_skip_elsewhere(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no browser"):
        skip_or_fail("no browser")
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="no browser"):
        skip_or_fail("no browser")


def test_tests_of_browser_and_database_fail_in_ci_without_their_programs(tmp_path):
    """The real tests, in a process that finds no program at all."""
    pytest.importorskip("playwright", reason="playwright (extra dev) is not installed")
    environment = {**os.environ, "PATH": str(tmp_path), "CI": "true"}
    words = ["-p", "no:cacheprovider", "-p", "no:xdist", "-q", "-k", "test_zooming or test_studios_that_start_at_once"]
    files = ["tests/e2e/test_report_browser.py", "tests/e2e/test_studio_postgresql.py"]
    command = [sys.executable, "-m", "pytest", *words, *files]
    found = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=ROOT)
    assert found.returncode == 1
    assert "2 errors" in found.stdout.strip().splitlines()[-1]
    assert "no browser is installed" in found.stdout
    assert "PostgreSQL's programs are not on the PATH (initdb, pg_ctl, createdb)" in found.stdout


def test_ci_installs_a_browser_and_a_database_and_lets_nothing_be_skipped():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert 'export CI="${CI:-true}"' in script
    installed = script.partition("apt-get install")[0]
    assert "chromium" in installed
    assert "postgresql" in installed
