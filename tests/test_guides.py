"""The guides are true: each is followed from top to bottom, in an empty folder, as a reader would.

Files that blocks name (``# name.py`` in the first line) are written, other Python runs in one
session, ``nas`` commands run for real and must succeed, and the output that a page shows must be
what the command above it prints, but for numbers and lines left out with ``...``. Above a block
``<!-- test: ... -->`` may say

- ``--set KEY=VALUE ...``: appended to the commands of the block, where they would take too long;
  the output is not compared then;
- ``exit N``: that its last command ends so;
- ``not compared: WHY``: that an output depends on the machine beyond its numbers;
- ``not run: WHY``: that the block needs what no test has.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest
from guides import ROOT, Block, blocks, guides, shape

from nas.cli.main import main


class Reader:
    """Follows a page in the current folder."""

    def __init__(
        self, page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._page, self._monkeypatch, self._capsys = page, monkeypatch, capsys
        self._names: dict[str, object] = {"__name__": "session"}
        self._printed: str | None = None

    def follow(self) -> None:
        for block in blocks(self._page):
            if block.note.startswith("not run: "):
                self._printed = None
            elif block.language == "console":
                self._console(block)
            elif block.language == "text":
                self._compare(block)
            elif block.file is not None:
                Path(block.file).write_text(block.text, encoding="utf-8")
            elif block.language == "python":
                code = compile("\n" * (block.line - 1) + block.text, self._page.name, "exec")
                self._capsys.readouterr()
                exec(code, self._names)
                self._printed = self._capsys.readouterr().out

    def _console(self, block: Block) -> None:
        more = shlex.split(block.note) if block.note.startswith("--") else []
        expected = int(block.note.split()[1]) if block.note.startswith("exit ") else 0
        commands = [
            shlex.split(command)
            for line in block.text.splitlines()
            for command in line.split("&&")
            if command.strip()
        ]
        printed = []
        for i, (program, *words) in enumerate(commands):
            if program == "pip":
                continue
            assert program == "nas", f"{self._page.name}:{block.line}: only pip and nas are known"
            last = i == len(commands) - 1
            printed.append(self._nas([*words, *more], expected if last else 0, block.line))
        self._printed = None if more else "\n".join(printed)

    def _nas(self, words: list[str], expected: int, line: int) -> str:
        self._capsys.readouterr()
        self._monkeypatch.setattr(sys, "argv", ["nas", *words])
        code = main()
        said = self._capsys.readouterr()
        where = f"{self._page.name}:{line}: nas {shlex.join(words)}"
        assert code == expected, f"{where} ended with {code}\n{said.out}\n{said.err}"
        return said.out + said.err

    def _compare(self, block: Block) -> None:
        if self._printed is None or block.note.startswith("not compared: "):
            return
        printed = shape(self._printed)
        for line in shape(block.text):
            assert line == "..." or line in printed, (
                f"{self._page.name}:{block.line}: {line!r} is not what is printed:\n{self._printed}"
            )


@pytest.mark.parametrize("page", guides(), ids=lambda page: page.stem)
def test_it_can_be_followed(
    page: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "FORCE_COLOR", "NAS_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    os.symlink(ROOT / "examples", tmp_path / "examples")
    Reader(page, monkeypatch, capsys).follow()


def test_notes_are_understood() -> None:
    known = ("--set ", "exit ", "not compared: ", "not run: ")
    for page in guides():
        for block in blocks(page):
            assert not block.note or block.note.startswith(known), f"{page.name}:{block.line}"
