"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from nas.errors import ConfigError

DEFAULT_ARCHIVE = "nas.db"
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

ArchivePath = Annotated[str, typer.Argument(metavar="[ARCHIVE]", help="The SQLite file.")]
StudyName = Annotated[
    str | None, typer.Argument(metavar="[STUDY]", help="Default: the latest in the archive.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV.")]
PluginFiles = Annotated[
    list[str] | None,
    typer.Option("--plugin", metavar="FILE.py", help="A file that is a plugin. Repeatable."),
]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set a parameter. Repeatable."),
]
LogPath = Annotated[
    str | None,
    typer.Option("--log", metavar="FILE", help="Append every event, one JSON object a line."),
]
Ship = Annotated[
    list[str] | None,
    typer.Option(
        "--ship",
        metavar="DISTRIBUTION",
        help="Send an installed distribution, such as a plugin's, to the workers. Repeatable.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of what is drawn.")]


def shipped(ship: Sequence[str] | None) -> list[str]:
    """Return ``--ship`` as an assignment to the config; nothing without it."""
    import json

    return [f"run.ship={json.dumps(list(ship))}"] if ship else []


def parameters(assignments: Sequence[str] | None) -> dict[str, Any]:
    """Read ``key=value`` texts; a value is TOML, or else plain text.

    Raises:
        ConfigError: one of them is no assignment.
    """
    import tomllib

    read: dict[str, Any] = {}
    for assignment in assignments or ():
        key, separator, text = assignment.partition("=")
        if not separator or not key.strip():
            raise ConfigError(f"--set {assignment!r}: write key=value, such as channels=16")
        try:
            read[key.strip()] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            read[key.strip()] = text
    return read
