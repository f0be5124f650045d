"""The commands of docs/pictures.md do what the page says."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from nas.cli.main import main

PAGE = Path(__file__).parents[2] / "docs" / "pictures.md"
COMMANDS = list(dict.fromkeys(re.findall(r"^(nas (?:plot|report) .*)$", PAGE.read_text(), re.M)))


def test_the_page_has_every_kind() -> None:
    kinds = {command.split()[2] for command in COMMANDS if command.startswith("nas plot")}
    listed = set(re.findall(r"^\| `nas plot (\w+)` ", PAGE.read_text(), re.MULTILINE))
    assert kinds | {"curves"} == listed


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_work(
    command: str, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(path, "nas.db")
    words = shlex.split(command)
    monkeypatch.setattr(sys, "argv", words)
    assert main() == 0
    written = words[words.index("-o") + 1] if "-o" in words else f"{words[2]}.png"
    assert Path(written).stat().st_size > 1_000
