"""Write cli.md: the help of every command, as ``nas COMMAND --help`` prints it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from nas.cli.main import app

PAGE = Path(__file__).with_suffix(".md")
WIDTH = 100
INTRODUCTION = """\
# Command line

Written by `python docs/cli.py`: what `nas COMMAND --help` prints, at a width of 100. Commands of
installed plugins are listed by `nas --help` alone.

A command exits with

- 0 after success;
- 1 after findings of `nas doctor` or `nas plugins check`, numbers that do not agree
  (`nas reproduce`), or when the reader of its output went away;
- 2 after an error, which is told in one line; `NAS_DEBUG=1` shows where it came from;
- 130 after Ctrl-C.
"""


def render() -> str:
    """Return the page."""
    root = typer.main.get_command(app)
    return "\n".join([INTRODUCTION, *_sections(root, None, "nas")])


def _sections(command: Any, parent: Any, name: str) -> Iterator[str]:
    context = command.make_context(
        name,
        [],
        parent,
        resilient_parsing=True,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
    )
    below = dict(getattr(command, "commands", {}))
    if below:
        command.list_commands = lambda ctx: list(below)  # without those of plugins
    lines = (line.rstrip() for line in command.get_help(context).splitlines())
    yield f"## {context.command_path}\n"
    yield "\n".join(["```text", *lines, "```", ""])
    for name, one in below.items():
        yield from _sections(one, context, name)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
