"""``nas merge``: several archives into one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from nas.cli.options import AsJson
from nas.cli.output import print_json, stdout
from nas.text import count, plain


def merge(
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="The archive to copy into; may be new.")
    ],
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE...", help="The archives to copy.")
    ],
    rename: Annotated[
        bool,
        typer.Option("--rename", help="Call studies NAME (SOURCE) where TARGET has that name."),
    ] = False,
    no_weights: Annotated[
        bool, typer.Option("--no-weights", help="Leave out the trained networks.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Copy all studies of archives into one.

    All, or none if anything is wrong. What the target has already is left as it is. The sources
    stay as they are.
    """
    from nas.archive.merging import merge as merge_archives

    done = merge_archives(target, sources, rename=rename, weights=not no_weights)
    if as_json:
        print_json([asdict(one) for one in done])
        return
    console = stdout()
    for one in done:
        named = "" if one.study == one.name else f" as {plain(one.study)}"
        what = f"{plain(one.source)}: study {plain(one.name)}{named}, {count(one.trials, 'trial')}"
        said = what if one.copied else f"{what}: already there"
        console.print(said, style=None if one.copied else "dim", soft_wrap=True)
    copied = sum(one.copied for one in done)
    console.print(f"{copied:,} of {len(done):,} studies copied", soft_wrap=True)
