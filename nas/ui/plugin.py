"""What Datasette is told of us: its hooks are pluggy's, this module is the entry point."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pluggy

hookimpl = pluggy.HookimplMarker("datasette")


@hookimpl
def startup(datasette: Any) -> None:
    """Have Datasette understand the tables of archives."""
    from nas.ui.references import name_columns

    for database in datasette.databases.values():
        if is_archive(database):
            name_columns(database)


@hookimpl
def register_routes() -> list[tuple[str, Callable[..., Any]]]:
    """Serve our pages under ``/-/nas/``."""
    from nas.ui.routes import routes

    return routes()


@hookimpl
def prepare_connection(conn: sqlite3.Connection, database: str, datasette: Any) -> None:
    """Make sure that no connection to an archive can write, and that its views run nothing."""
    if is_archive(datasette.get_database(database)):
        conn.execute("PRAGMA query_only = ON")
        conn.execute("PRAGMA trusted_schema = OFF")


@hookimpl
def menu_links(datasette: Any) -> list[dict[str, str]]:
    """Lead from Datasette's pages to ours."""
    from nas.ui.links import Links

    found = [name for name, database in datasette.databases.items() if is_archive(database)]
    return [
        {"href": Links(datasette, name).overview(), "label": f"Searches in {name}"}
        for name in found
    ]


@hookimpl
def database_actions(datasette: Any, database: str) -> list[dict[str, str]]:
    """Lead from an archive's tables to its overview."""
    from nas.ui.links import Links

    if not is_archive(datasette.get_database(database)):
        return []
    return [{"href": Links(datasette, database).overview(), "label": "Searches and their fronts"}]


def is_archive(database: Any) -> bool:
    """Tell whether one of Datasette's databases is an archive of ours."""
    from nas.archive.opening import check_file
    from nas.errors import ArchiveError

    if database.is_memory or not database.path:
        return False
    try:
        check_file(Path(database.path), may_be_new=False)
    except ArchiveError:
        return False
    return True
