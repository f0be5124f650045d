"""Reading a guide page as a reader would: from top to bottom, block by block."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
MARK = "<!-- guide: tests/test_guides.py follows this page -->"
"""Says that a page is followed as a whole; its snippets alone are not run elsewhere."""

_BLOCK = re.compile(r"^(?:<!-- test: (.*?) -->\n)?```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"# ([\w-]+\.(?:py|toml))\n")
_NUMBER = re.compile(r"[-+\u2212±~]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
_UNIT = re.compile(r"\b(?:ns|µs|ms|s|min|h)\b")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Args:
        line: of its first line of content.
        language: such as ``console``.
        text: what it holds.
        note: what ``<!-- test: ... -->`` above it says; empty without one.
    """

    line: int
    language: str
    text: str
    note: str

    @property
    def file(self) -> str | None:
        """The file that the reader saves it as, if its first line names one."""
        found = _FILE.match(self.text)
        return found[1] if found else None


def guides() -> list[Path]:
    """Return the pages that are followed."""
    return [page for page in sorted((ROOT / "docs").glob("*.md")) if is_guide(page)]


def is_guide(page: Path) -> bool:
    return MARK in page.read_text(encoding="utf-8")


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in _BLOCK.finditer(text):
        line = text[: match.start(3)].count("\n") + 1
        yield Block(line, match[2], match[3], match[1] or "")


def shape(text: str) -> list[str]:
    """Return the lines of an output without what differs from run to run: numbers and widths."""
    found = []
    for line in text.splitlines():
        known = _UNIT.sub("s", _NUMBER.sub("0", re.sub(r"[─━]+", "", line)))
        if known.strip():
            found.append(" ".join(known.split()))
    return found
