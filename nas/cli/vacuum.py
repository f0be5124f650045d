"""``nas vacuum``: disk space back."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.options import AsJson
from nas.cli.output import print_json, stdout
from nas.errors import ConfigError
from nas.text import count, number, plain

if TYPE_CHECKING:
    from nas.archive.pruning import Files, Freed

_UNITS = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE)

SHOWN = 8
"""Trials that are named one by one."""


def vacuum(
    archive: Annotated[str, typer.Argument(metavar="ARCHIVE", help="The SQLite file.")],
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights", metavar="SIZE", help="That trained weights may take, such as 500MB."
        ),
    ] = None,
    keep: Annotated[
        list[int] | None,
        typer.Option("--keep", metavar="ID", help="Whose weights stay. Repeatable."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would be given back.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Give back disk space that an archive does not need.

    Snapshots of studies that have finished, files that no trial refers to, empty pages of the file;
    and with --weights the trained networks that can be done without. No number is ever lost.
    """
    from nas.archive.pruning import vacuum as vacuum_archive

    quota = None if weights is None else size(weights)
    if keep and quota is None:
        raise ConfigError("--keep says which weights stay, and without --weights all do")
    freed = vacuum_archive(archive, weights=quota, keep=keep or (), dry_run=dry_run)
    if as_json:
        print_json({**asdict(freed), "bytes": freed.bytes, "dry_run": dry_run})
    else:
        _print(freed, quota, dry_run=dry_run)


def size(text: str) -> int:
    """Return the bytes of such as ``500MB`` or ``2 GiB``. Raises ``ConfigError``."""
    match = _SIZE.fullmatch(text)
    unit = match[2].lower() if match else None
    if match is None or unit not in _UNITS:
        raise ConfigError(f"--weights {text!r}: write a size such as 500MB, 2GB or 1.5GiB")
    return int(float(match[1]) * _UNITS[unit])


def _print(freed: Freed, quota: int | None, *, dry_run: bool) -> None:
    console = stdout()
    ids = [str(one.trial) for one in freed.weights]
    whose = f" (of trials {', '.join(ids[:SHOWN])}{', ...' if len(ids) > SHOWN else ''})"
    lines = [
        _line("weights", freed.weight_files) + (whose if ids else ""),
        _line("snapshots of studies that have finished", freed.snapshots),
        _line("files that no trial refers to", freed.unreferenced),
        f"empty pages: {number(freed.database, 'B')}",
    ]
    for line in lines:
        console.print(line, soft_wrap=True)
    if freed.note:
        console.print(plain(freed.note), style="yellow", soft_wrap=True)
    verb = "Would give back" if dry_run else "Gave back"
    console.print(f"{verb} {number(freed.bytes, 'B')}; kept: {_line('weights', freed.left)}")
    if quota is not None and freed.left.bytes > quota:
        console.print(
            f"More than {number(quota, 'B')}: the weights that --keep names take that much",
            style="yellow",
            soft_wrap=True,
        )


def _line(what: str, files: Files) -> str:
    return f"{what}: {count(files.files, 'file')}, {number(files.bytes, 'B')}"
