"""No control character reaches a terminal, whatever it came in by; every script still prints."""

import io
import json
import logging
import sys
import warnings

import pytest
import typer
from rich.progress import Progress, TextColumn
from rich.table import Table

from makers_hostile_text import HOSTILE, LEGITIMATE, controls, say
from sentiprism.cli.tables import emit_json, facts, points, side_by_side, table
from sentiprism.errors import printable
from sentiprism.executors.processes import LocalProcesses
from sentiprism.screen import CleanStream, clean, clean_streams, console
from sentiprism.training.progress import TrainingProgress

TEXTS = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())


class Terminal(io.StringIO):
    """What a person looks at."""

    encoding = "utf-8"

    def isatty(self):
        return True


def terminal(monkeypatch, kind: str = "dumb") -> Terminal:
    """Set stdout and stderr up as ``main`` does; on a ``dumb`` one nothing is coloured.

    No fixture: pytest puts streams of its own in place when a test begins.
    """
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", kind)
    monkeypatch.delenv("NO_COLOR", raising=False)
    clean_streams()
    return screen


@TEXTS
def test_what_a_terminal_obeys_is_escaped(text):
    assert controls(clean(text)) == []
    assert controls(printable(text)) == []
    assert clean(f"a\n\t{text}").startswith("a\n\t")


@pytest.mark.parametrize("text", LEGITIMATE)
def test_every_script_prints(text):
    assert clean(text) == text
    assert printable(text) == text


@TEXTS
def test_every_way_to_print_is_clean(text, monkeypatch):
    streams = terminal(monkeypatch)
    print(text)
    print(text, file=sys.stderr)
    typer.echo(text)
    typer.echo(text, err=True)
    sys.stderr.write(warnings.formatwarning(text, UserWarning, text, 1))
    logging.lastResort.handle(logging.LogRecord(text, logging.WARNING, text, 1, text, None, None))
    table(text, (text, "n"), [(text, text)], text, numbers=("n",))
    facts(console().render_str(text), [(text, text)])
    points(text, [text])
    side_by_side(text, [text], {text: [(text, text)]}, text)
    console().print(text, Table(text, title=text))
    with Progress(TextColumn("{task.description}", markup=False), console=console(stderr=True)) as bar:
        bar.add_task(text)
    with TrainingProgress() as progress:
        progress.note(text)
    sys.stdout.writelines([text, "\n"])
    moved = streams.getvalue().replace("\x1b[?25l", "").replace("\x1b[?25h", "")  # rich hides the cursor under a bar
    for own in ("\x1b[2K", "\x1b[1A", "\r"):
        moved = moved.replace(own, "") if own not in text else moved
    assert controls(moved) == []
    assert printable(text).strip() in moved


@TEXTS
def test_json_is_clean_and_of_equal_value(text, monkeypatch, capsys):
    emit_json({text.encode("utf-8", "replace").decode(): [text], "nan": float("inf")})
    out = capsys.readouterr().out
    assert controls(out) == []
    assert json.loads(out)[text.encode("utf-8", "replace").decode()] == [text]
    assert json.loads(out)["nan"] is None


@pytest.mark.parametrize("text", LEGITIMATE)
def test_json_keeps_every_script_as_it_is(text, monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    emit_json([text])
    assert text in screen.getvalue()


def test_markup_and_emoji_codes_in_names_are_texts(monkeypatch):
    streams = terminal(monkeypatch)
    console().print("[red]a[/red] :smile: [link=x]b[/link]")
    table("[bold]t", ("[blink]c",), [("[u]d",)])
    with TrainingProgress() as progress:
        progress.note("[red]e[/red]")
        progress.seed("[red]f", 1, 0)
    shown = streams.getvalue()
    for text in ("[red]a[/red] :smile: [link=x]b[/link]", "[bold]t", "[blink]c", "[u]d", "[red]e[/red]", "[red]f"):
        assert text in shown


def test_colours_of_our_own_still_reach_a_terminal(monkeypatch):
    screen = terminal(monkeypatch, "xterm-256color")
    table("title", ("a",), [("\x1b[31mb",)])
    assert "\x1b[1mtitle" in screen.getvalue()
    assert "\\x1b[31mb" in screen.getvalue()


def test_a_stream_that_lacks_characters_prints_their_plain_forms(monkeypatch):
    beneath = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", beneath)
    clean_streams()
    print("1 ± 2 漢")
    sys.stdout.flush()
    assert beneath.buffer.getvalue() == b"1 +- 2 ?\n"


def test_streams_are_wrapped_once(monkeypatch):
    terminal(monkeypatch)
    first = sys.stdout
    clean_streams()
    assert sys.stdout is first
    assert isinstance(first, CleanStream)
    assert (first.encoding, first.isatty(), first.writable()) == ("utf-8", True, True)


def test_what_workers_say_is_clean_too(capfd):
    said = dict(LocalProcesses(2).run(say, [HOSTILE["colour"], HOSTILE["title"]]))
    assert list(said.values()) == list(said)  # texts come back as they are
    out, err = capfd.readouterr()
    assert controls(out + err) == []
    assert "\\x1b[31mred" in out
    assert "\\x1b]0;owned\\x07" in err
