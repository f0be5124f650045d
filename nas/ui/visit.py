"""One request and its answer, without anything of HTTP that our pages do not need."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nas.ui.links import Links
from nas.ui.reading import Pages, Version
from nas.ui.render import render
from nas.ui.security import PAGE

if TYPE_CHECKING:
    from nas.plugins import Plugins


@dataclass(frozen=True)
class Visit:
    """Somebody asks for a page.

    Args:
        archive: open for as long as this takes.
        version: of the archive, before anything else was read of it.
        links: to other pages.
        which: what the path names, such as ``study``.
        asked: what stands behind the question mark, the first of each name.
        plugins: loads those that build the archive's spaces.
        sql: whether a filter in SQL may be asked.
    """

    archive: Pages
    version: Version
    links: Links
    which: Mapping[str, str]
    asked: Mapping[str, str]
    plugins: Callable[[], Plugins]
    sql: bool = True


@dataclass(frozen=True)
class Answer:
    """What is sent back; ``policy`` is what a browser may do with it."""

    body: str | bytes
    kind: str = "text/html; charset=utf-8"
    status: int = 200
    policy: str = PAGE
    headers: Mapping[str, str] = field(default_factory=dict)


def page(template: str, visit: Visit, status: int = 200, **values: Any) -> Answer:
    """Return a page; every one of them knows the archive and the links."""
    archive, version = visit.archive.path.name, visit.version.digest
    known = {"links": visit.links, "archive": archive, "version": version, **values}
    return Answer(render(template, known), status=status)


def document(value: Any, status: int = 200) -> Answer:
    """Return plain values as JSON; NaN and infinities, which JSON has not, as null."""
    body = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Answer(body.encode("utf-8", "replace"), "application/json", status)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, Mapping):
        return {str(key): _finite(part) for key, part in value.items()}
    return [_finite(part) for part in value] if isinstance(value, list | tuple) else value
