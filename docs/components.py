"""Write components.md: every built-in component with its parameters, from the code itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path

from nas.components import Registered
from nas.plugins import KINDS, Plugins

PAGE = Path(__file__).with_suffix(".md")
INTRODUCTION = """\
# Built-in components

Written by `python docs/components.py`. What is installed beside them: `nas plugins`.

A parameter with a value has that default; one without is required.
"""


def render() -> str:
    """Return the page."""
    plugins = Plugins(disabled=())
    sections = (
        _section(kind, [item for item in plugins.registry(kind) if item.distribution == "plugnas"])
        for kind in KINDS
    )
    return "\n".join([INTRODUCTION, *filter(None, sections)])


def _section(kind: str, items: Iterable[Registered]) -> str:
    rows = [_row(item) for item in items]
    head = [f"## {kind}", "", "| name | parameters | what | source |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, ""]) if rows else ""


def _row(item: Registered) -> str:
    component = item.component
    parameters = ", ".join(_parameters(inspect.signature(component.build))) or "none"
    cells = (f"`{component.name}`", parameters, component.summary, component.reference)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _parameters(signature: inspect.Signature) -> Iterator[str]:
    for parameter in signature.parameters.values():
        default = parameter.default
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            yield f"`**{parameter.name}`"
        elif default is inspect.Parameter.empty:
            yield f"`{parameter.name}`"
        elif isinstance(default, str | int | float | bool | tuple | type(None)):
            yield f"`{parameter.name}={default!r}`"
        else:
            yield f"`{parameter.name}=...`"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
