"""Cell search spaces that come with nas."""

from __future__ import annotations

from nas import Component, hookimpl


@hookimpl
def nas_search_spaces() -> list[Component]:
    """The NAS-Bench-201 cell."""
    from nas_cells.nas201 import NAS201

    return [
        Component(
            "nas201",
            NAS201,
            "NAS-Bench-201: a cell of 4 nodes and 6 edges, 5 operations each, in a fixed skeleton",
            "Dong & Yang, ICLR 2020, arXiv:2001.00326",
            {"cells": 1, "channels": 2, "input_shape": (3, 8, 8)},
        )
    ]
