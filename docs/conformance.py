"""Write the laws into conformance.md, from the code itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nas.plugins import KINDS
from nas.testing import Law, laws_of
from nas.testing.law import EVERY

PAGE = Path(__file__).with_suffix(".md")
START = "<!-- laws: written by `python docs/conformance.py` -->\n"


def render() -> str:
    """Return the page: what stands above the mark, and the laws."""
    above, mark, _ = PAGE.read_text(encoding="utf-8").partition(START)
    return above + mark + "\n".join(_sections())


def _sections() -> Iterator[str]:
    every = [law for law in laws_of("space") if law.kind == EVERY]
    yield from _section("Every component", every)
    for kind in KINDS:
        own = [law for law in laws_of(kind) if law.kind == kind]
        yield from _section(f"Kind {kind}", own)


def _section(title: str, laws: list[Law]) -> Iterator[str]:
    yield f"\n## {title}"
    for law in laws:
        yield f"\n### {law.page.partition('#')[2].replace('-', ' ')}\n"
        yield "\n\n".join([f"**`{law.name}`** {law.sentence}", *_more(law)])


def _more(law: Law) -> list[str]:
    import inspect

    lines = (inspect.getdoc(law.holds) or "").partition("\n")[2].strip()
    return [lines] if lines else []


if __name__ == "__main__":
    PAGE.write_text(render() + "\n", encoding="utf-8")
