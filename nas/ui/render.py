"""From plain values to HTML: everything is escaped unless a template is ours."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from nas.text import count, duration, number, one_line, plain


def render(page: str, values: Mapping[str, Any]) -> str:
    """Return a page of ``nas/ui/pages``."""
    return _environment().get_template(page).render(values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("nas.ui", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "count": count,
        "duration": duration,
        "plain": plain,
        "one_line": one_line,
        "when": _when,
        "iso": _iso,
        "ago": _ago,
    }
    return environment


def _when(unix: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(unix)) if unix else "never"


def _iso(unix: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(unix))


def _ago(unix: float) -> str:
    return f"{duration(max(0.0, time.time() - unix))} ago"
