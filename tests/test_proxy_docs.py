"""``docs/proxies.md`` says of every built-in proxy what the proxy says of itself."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from nas.plugins import Plugins

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "proxies.md").read_text(encoding="utf-8")
ITEMS = [i for i in Plugins(disabled=()).registry("proxy") if i.distribution == "plugnas"]
WITHOUT_PAPER = {"params", "flops"}


def test_the_tables_are_up_to_date() -> None:
    module = runpy.run_path(str(ROOT / "docs/proxies.py"))
    assert module["render"]() == PAGE, "run `python docs/proxies.py`"


def test_each_is_in_a_table_with_its_source() -> None:
    tables = "".join(re.findall(r"<!-- \w+ by .*? -->(.*?)<!-- end", PAGE, re.DOTALL))
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| ([^|]*) \|$", tables, re.MULTILINE))
    assert rows == {item.component.name: item.component.reference for item in ITEMS}
    assert {name for name, source in rows.items() if not source.strip()} == WITHOUT_PAPER


def test_the_text_names_proxies_that_there_are() -> None:
    names = {item.component.name for item in ITEMS}
    mentioned = set(re.findall(r"^- `(\w+)`", PAGE, re.MULTILINE)) - {"az_"}
    assert mentioned <= names
