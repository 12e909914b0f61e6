"""Files for a public forge agree with the package: its matrix, hooks, templates and citation."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import sentiprism

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
SYSTEMS = {"ubuntu-latest": "POSIX :: Linux", "macos-latest": "MacOS", "windows-latest": "Microsoft :: Windows"}


def classified(prefix: str) -> list[str]:
    return [one.removeprefix(prefix) for one in PROJECT["classifiers"] if one.startswith(prefix)]


def test_the_matrix_has_every_python_that_is_declared():
    declared = [version for version in classified("Programming Language :: Python :: ") if "." in version]
    assert declared == ["3.11", "3.12", "3.13", "3.14"]
    assert WORKFLOW["jobs"]["tests"]["strategy"]["matrix"]["python"] == declared
    assert PROJECT["requires-python"] == f">={declared[0]}"


def test_the_matrix_has_every_system_that_is_declared():
    systems = WORKFLOW["jobs"]["tests"]["strategy"]["matrix"]["os"]
    assert sorted(SYSTEMS[one] for one in systems) == sorted(classified("Operating System :: "))


def test_jobs_call_targets_that_exist():
    assert {*WORKFLOW["jobs"]} == {"lint", "tests", "docs", "wheel"}
    called = [name for step in STEPS for name in re.findall(r"\bmake ([a-z-]+)", step.get("run", ""))]
    assert sorted(called) == sorted(WORKFLOW["jobs"])
    assert set(called) <= TARGETS


def test_every_target_is_phony_and_in_the_help():
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == TARGETS
    assert {*re.findall(r"^([a-z-]+):.*##", MAKEFILE, re.MULTILINE)} == TARGETS - {"clean"}


def test_jobs_may_only_read_and_their_actions_have_a_major_version():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in WORKFLOW["jobs"].values())
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert used
    assert [one for one in used if not re.fullmatch(r"actions/[a-z-]+@v\d+", one)] == []
    cached = [step["with"].get("cache") for step in STEPS if step.get("uses", "").startswith("actions/setup-python")]
    assert cached == ["pip"] * len(WORKFLOW["jobs"])


def test_hooks_run_the_projects_own_tools_and_fetch_nothing():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [one["repo"] for one in hooks["repos"]] == ["local"]
    tools = {hook["entry"].split()[0]: hook["language"] for hook in hooks["repos"][0]["hooks"]}
    assert set(tools.values()) == {"system"}
    linted = MAKEFILE.partition("\nlint:")[2].partition("\n\n")[0]
    assert {one.removeprefix(".venv/bin/") for one in tools} == set(re.findall(r"\$\(BIN\)/(\S+)", linted))


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    assert citation["title"] == PROJECT["name"]
    assert citation["abstract"] == PROJECT["description"]
    assert citation["license"] == PROJECT["license"]
    assert str(citation["version"]) == sentiprism.__version__
    assert [{*author} for author in citation["authors"]] == [{"name"}]
    assert citation["message"]


def test_the_changelog_has_a_heading_for_this_version():
    headings = re.findall(r"^## \[(.*?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sentiprism.__version__ in headings


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_templates_of_issues_say_what_they_are_for(name):
    text = (ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.md").read_text(encoding="utf-8")
    described = yaml.safe_load(text.split("---\n")[1])
    assert {*described} == {"name", "about", "labels"}


def test_pages_that_the_templates_name_exist():
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / ".github").rglob("*.md")]
    named = {name for text in texts for name in re.findall(r"[\w/]+\.md", text)}
    assert {"CONTRIBUTING.md", "SECURITY.md"} <= named
    assert [name for name in named if not (ROOT / name).is_file()] == []
