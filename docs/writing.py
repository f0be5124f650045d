"""What the scripts that write pages share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def plain(text: str) -> str:
    """Return a docstring's text as Markdown."""
    return text.replace("``", "`")


def write(pages: Mapping[Path, str]) -> None:
    """Write all pages."""
    for page, text in pages.items():
        page.write_text(text, encoding="utf-8")
