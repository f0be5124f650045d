"""Write the tables of proxies.md: every built-in proxy as it describes itself."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nas import Aggregate, Proxy
from nas.components import Registered
from nas.plugins import Plugins

PAGE = Path(__file__).with_suffix(".md")
BEGIN, END = "<!-- {} by docs/proxies.py -->\n", "<!-- end of {} -->\n"


def render() -> str:
    """Return the page, with its tables as they should be."""
    page = PAGE.read_text(encoding="utf-8")
    items = [i for i in Plugins(disabled=()).registry("proxy") if i.distribution == "plugnas"]
    built = [(item, item.component.build()) for item in items]
    rows = [_proxy(item, proxy) for item, proxy in built if isinstance(proxy, Proxy)]
    head = ("name", "formula", "needs", "batch", "cost", "applies to", "source")
    page = _with_table(page, "proxies", head, rows)
    rows = [_aggregate(item, one) for item, one in built if isinstance(one, Aggregate)]
    return _with_table(page, "aggregates", ("name", "of", "rule", "source"), rows)


def _with_table(page: str, name: str, head: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    before, rest = page.split(BEGIN.format(name))
    _, after = rest.split(END.format(name))
    lines = [_line(head), _line("---" for _ in head), *map(_line, rows)]
    return "".join([before, BEGIN.format(name), "\n", *lines, "\n", END.format(name), after])


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _proxy(item: Registered, proxy: Proxy) -> tuple[str, ...]:
    needs = [
        what
        for what, needed in (("data", proxy.needs_data), ("targets", proxy.needs_targets))
        if needed
    ]
    return (
        f"`{item.component.name}`",
        f"`{proxy.formula}`",
        ", ".join(needs) or "nothing",
        f"{proxy.batch}",
        f"{proxy.cost:.2g}",
        proxy.applies_to,
        item.component.reference,
    )


def _aggregate(item: Registered, aggregate: Aggregate) -> tuple[str, ...]:
    parts = ", ".join(f"`{part}`" for part in aggregate.proxies)
    return f"`{item.component.name}`", parts, f"`{aggregate.rule}`", item.component.reference


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
