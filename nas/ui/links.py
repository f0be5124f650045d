"""Addresses of our pages and of Datasette's; nobody else spells one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlencode

ROOT = "-/nas"


class Links:
    """Where the pages of one archive are.

    Args:
        datasette: serves it, perhaps below a prefix (its setting ``base_url``).
        database: Datasette's name of the archive.
    """

    def __init__(self, datasette: Any, database: str) -> None:
        self._urls = datasette.urls
        self._database = database
        own = str(datasette.urls.database(database)).rpartition("/")[2]
        self._base = str(datasette.urls.path(f"{ROOT}/{own}"))
        self._assets = str(datasette.urls.path(f"{ROOT}/-/assets"))

    def overview(self, page: int = 1) -> str:
        """All studies."""
        return self._base + _query({"page": page} if page > 1 else {})

    def progress(self) -> str:
        """What changes as soon as anything does; JSON."""
        return f"{self._base}/progress"

    def study(self, study: int, asked: Mapping[str, Any] | None = None, **more: Any) -> str:
        """A study: its plot and its trials."""
        return f"{self._base}/studies/{study}" + _query({**(asked or {}), **more})

    def points(self, study: int, asked: Mapping[str, Any]) -> str:
        """What the plot of a study shows; JSON."""
        return f"{self._base}/studies/{study}/points" + _query(asked)

    def trial(self, trial: int) -> str:
        """A trial."""
        return f"{self._base}/trials/{trial}"

    def document(self, trial: int) -> str:
        """A trial as JSON."""
        return f"{self._base}/trials/{trial}/json"

    def drawing(self, trial: int) -> str:
        """A trial's architecture, SVG."""
        return f"{self._base}/trials/{trial}/architecture"

    def asset(self, name: str) -> str:
        """One of our files; its address changes with its content."""
        return f"{self._assets}/{name}?v={_version(name)}"

    def frame(self) -> str:
        """The page that plots, see ``nas/ui/assets/frame.js``."""
        return str(self._urls.path(f"{ROOT}/-/frame"))

    def table(self, table: str, **query: Any) -> str:
        """Datasette's page of a table or view."""
        return str(self._urls.table(self._database, table)) + _query(query)

    def tables(self) -> str:
        """Datasette's page of all tables, where SQL can be asked."""
        return str(self._urls.database(self._database))


def _query(values: Mapping[str, Any]) -> str:
    kept = {key: value for key, value in values.items() if value not in ("", None)}
    return f"?{urlencode(kept, quote_via=quote)}" if kept else ""


@cache
def _version(name: str) -> str:
    return sha256(content(name)).hexdigest()[:12]


@cache
def content(name: str) -> bytes:
    """Return one of our files; ``plotly.min.js`` is plotly's own.

    Raises:
        FileNotFoundError: there is none of that name.
    """
    if name == "plotly.min.js":
        return (files("plotly") / "package_data" / name).read_bytes()
    return (files("nas.ui") / "assets" / name).read_bytes()
