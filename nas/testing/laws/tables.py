"""Laws of tables of results."""

from __future__ import annotations

import json
from typing import Any

from nas.testing.law import law, require
from nas.testing.subject import Subject

NEEDED = ("space", "evaluator", "objectives")


@law("table")
def is_plain_values(subject: Subject) -> None:
    """It is a table as TOML has them: names and plain values, without a name of its own."""
    table = subject.build()
    try:
        same = json.loads(json.dumps(table, allow_nan=False)) == table
    except (TypeError, ValueError) as error:
        require(False, f"it cannot be written: {error}")
    require(same, f"written and read again it is something else: {table}")
    require("name" not in table, "it has a name; that is the component's")


@law("table")
def says_what_a_benchmark_needs(subject: Subject) -> None:
    """It names a space, an evaluator and objectives that are installed."""
    table = subject.build()
    for key in NEEDED:
        require(table.get(key), f"it does not say which {key}")
    for kind in ("space", "evaluator"):
        _build(subject, kind, table[kind])


def _build(subject: Subject, kind: str, named: Any) -> None:
    table = {"name": named} if isinstance(named, str) else dict(named)
    subject.plugins.build(kind, table.pop("name"), **table)
