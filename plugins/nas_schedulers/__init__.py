"""Built-in schedulers: which trials are worth their full budget."""

from __future__ import annotations

from collections.abc import Iterable

from nas import Component, hookimpl


@hookimpl
def nas_schedulers() -> Iterable[Component]:
    """Rules on learning curves."""
    from nas_schedulers.none import FullBudget

    return [
        Component("none", FullBudget, "Every trial has its full budget"),
    ]
