"""HTML that opens offline and runs no script but ours.

What strangers have named stands in escaped text and in JSON that no parser takes for a tag; and a
content security policy lets a browser run only scripts with the digests of ours.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from nas.errors import ConfigError
from nas.pictures.figure import Figure
from nas.pictures.rendering import plotly_js

_UNSAFE = {ord(c): f"\\u{ord(c):04x}" for c in "<>&'\u2028\u2029"}

SHOW = """
"use strict";
for (const holder of document.querySelectorAll("[data-figure]")) {
  const figure = JSON.parse(document.getElementById(holder.dataset.figure).textContent);
  delete figure.layout.width;
  const wanted = Number(holder.dataset.width);
  Plotly.newPlot(holder, figure.data, figure.layout,
    {responsive: true, displaylogo: false, toImageButtonOptions: {width: wanted, scale: 2}});
}
"""
"""Draws every element that names a figure."""


def as_json(value: object) -> str:
    """Return JSON that can stand in an HTML script element whatever strangers have named."""
    return json.dumps(value, allow_nan=False).translate(_UNSAFE)


def render(template: str, values: Mapping[str, Any]) -> str:
    """Fill one of our templates; everything but ``Markup`` is escaped.

    Raises:
        ConfigError: jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError:
        raise ConfigError("a page needs jinja2: pip install 'plugnas[plot]'") from None
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nas.pictures"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(values)


def with_scripts(figures: Sequence[Figure]) -> dict[str, Any]:
    """Return what a template that shows figures needs.

    Returns:
        ``policy``, ``plotly`` and ``show`` (scripts), and for each of the ``figures`` its ``id``,
        ``json``, ``name``, ``width`` and ``height``.
    """
    from markupsafe import Markup

    plotly = _plotly_text() if figures else ""
    scripts = [plotly, SHOW] if figures else []
    allowed = " ".join(map(_digest, scripts)) or "'none'"
    return {
        "policy": (
            f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
            "img-src data: blob:; base-uri 'none'; form-action 'none'"
        ),
        "plotly": Markup(plotly),
        "show": Markup(SHOW if figures else ""),
        "figures": [
            {
                "id": f"figure-{i}",
                "json": Markup(as_json(figure.document())),
                "name": figure.name,
                "width": figure.width,
                "height": figure.height,
            }
            for i, figure in enumerate(figures)
        ],
    }


def figure_page(figure: Figure) -> str:
    """Return a page with one figure."""
    from markupsafe import Markup

    shown = [] if figure.svg is not None else [figure.without_title()]
    svg = None if figure.svg is None else Markup(figure.svg)
    said = {"title": figure.name, "captions": figure.captions, "svg": svg}
    return render("figure.html", {**with_scripts(shown), **said})


@cache
def _plotly_text() -> str:
    return plotly_js().read_text(encoding="utf-8")


@cache
def _digest(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
