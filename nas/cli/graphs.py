"""Drawing an architecture of any space."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.cli.drawing import draw
from nas.errors import PluginError
from nas.text import plain

if TYPE_CHECKING:
    from rich.console import Console

    from nas.abstract.space import Space
    from nas.architecture import Architecture


def print_graph(space: Space, architecture: Architecture, console: Console) -> None:
    """Draw an architecture; what the output does not depend on is dim.

    Raises:
        PluginError: the space's ``graph`` raised something of its own.
        SpaceError: the graph has a cycle.
    """
    from rich.text import Text

    try:
        graph = space.graph(architecture)
    except Exception as error:  # a space's graph can raise anything
        raise PluginError(f"the space's graph raised {type(error).__name__}: {error}") from error
    rows = draw(graph)
    width = max((len(row.rails) for row in rows), default=0)
    for row in rows:
        line = Text(f"  {row.rails:<{width}} ", style="" if row.live else "dim")
        line.append(plain(row.label), style="bold" if row.is_node and row.live else "")
        line.append("" if row.live or row.is_node else "  (no effect)")
        console.print(line, no_wrap=True, overflow="ellipsis")
