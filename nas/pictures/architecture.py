"""The architecture of a trial drawn as a graph."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from nas.errors import PluginError
from nas.pictures.figure import WIDTH, Figure, frame, short
from nas.pictures.graph_svg import architecture_svg
from nas.pictures.trials import with_text

if TYPE_CHECKING:
    from nas.abstract.space import Space
    from nas.architecture import Architecture
    from nas.archive import Archive
    from nas.plugins import Plugins

_SIZE = re.compile(r'width="([\d.]+)" height="([\d.]+)"')


def svg_of(space: Space, architecture: Architecture, title: str = "") -> str:
    """Draw an architecture of a space.

    Raises:
        PluginError: the space's ``graph`` raised something of its own.
        SpaceError: the graph cannot be drawn.
    """
    try:
        graph = space.graph(space.architecture(architecture))
    except Exception as error:  # a space's graph can raise anything
        raise PluginError(f"the space's graph raised {type(error).__name__}: {error}") from error
    return architecture_svg(graph, title=title)


def architecture_figure(
    archive: Archive, trial_id: int, *, plugins: Plugins | None = None
) -> Figure:
    """Draw the architecture of a trial.

    Args:
        archive: has the trial.
        trial_id: its id.
        plugins: those to build the space with.

    Raises:
        ArchiveError: there is no such trial.
        ComponentError: no plugin offers the space.
    """
    trial = archive.trial(trial_id)
    details = archive.details(trial_id)
    space = archive.space(details.study, plugins=plugins)
    title = f"{short(details.study)}: architecture of trial {trial_id}"
    svg = svg_of(space, trial.architecture, f"{title}, {short(details.text, 200)}")
    return _shown(svg, title, with_text(archive.study(details.study), trial, details.text))


def _shown(svg: str, title: str, caption: str) -> Figure:
    """Return a figure of Plotly that shows an SVG document at its own size."""
    found = _SIZE.search(svg)
    assert found is not None
    wide, high = float(found[1]), float(found[2])
    width = max(round(wide) + 60, WIDTH * 2 // 3)
    layout = frame(title, [caption], width=width, legend_rows=0)
    layout["margin"] |= {"l": 30, "r": 30, "b": 20}
    height = round(layout["margin"]["t"] + high + 20)
    encoded = base64.b64encode(svg.encode()).decode()
    share = wide / (width - 60)
    image = {
        "source": f"data:image/svg+xml;base64,{encoded}",
        "xref": "paper",
        "yref": "paper",
        "x": 0.5,
        "y": 1,
        "xanchor": "center",
        "yanchor": "top",
        "sizex": min(share, 1.0),
        "sizey": 1,
    }
    hidden = {"visible": False, "range": [0, 1]}
    layout |= {"images": [image], "xaxis": hidden, "yaxis": hidden, "height": height}
    return Figure(title, [], layout, width, height, title, svg)
