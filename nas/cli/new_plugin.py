"""``nas new-plugin``: a distribution to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli.options import AsJson
from nas.cli.output import print_json, stdout
from nas.text import plain

if TYPE_CHECKING:
    from nas.scaffold.writing import Wanted, Written


def new_plugin(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the distribution.")],
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            metavar="KIND",
            help="space, proxy, predictor, evaluator, strategy, scheduler, objective, dataset or "
            "exporter. Repeatable.",
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", "-o", metavar="PATH", help="Where. Default: NAME, here."),
    ] = None,
    licence: Annotated[
        str, typer.Option("--licence", help="Apache-2.0, BSD-3-Clause, MIT or none.")
    ] = "Apache-2.0",
    author: Annotated[
        str, typer.Option("--author", metavar="NAME", help="You: 'Name' or 'Name <address>'.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Write a plugin to begin with: a distribution that works.

    It has a working example of each kind, the conformance suite as its tests, and a search that
    uses it.
    """
    from nas.scaffold.kinds import chosen
    from nas.scaffold.licences import checked
    from nas.scaffold.naming import Names
    from nas.scaffold.writing import Wanted, write

    wanted = Wanted(Names.of(name), chosen(kind or ()), checked(licence), author)
    written = write(wanted, folder or Path(name))
    if as_json:
        print_json(_document(wanted, written))
    else:
        _print(wanted, written)


def _document(wanted: Wanted, written: Written) -> dict[str, Any]:
    names = wanted.names
    return {
        "folder": str(written.folder),
        "files": [str(file) for file in written.files],
        "distribution": names.distribution,
        "package": names.package,
        "plugin": names.plugin,
        "components": [
            {"kind": kind.name, "full_name": f"{names.plugin}:{kind.component}"}
            for kind in wanted.kinds
        ],
        "licence": wanted.licence,
        "next": list(written.following),
    }


def _print(wanted: Wanted, written: Written) -> None:
    console = stdout()
    names = wanted.names
    console.print(f"Wrote the distribution {names.distribution}, plugin {names.plugin}, with")
    for kind in wanted.kinds:
        console.print(f"  {kind.name} {names.plugin}:{kind.component}: {kind.summary}")
    for file in written.files:
        console.print(plain(written.folder / file), soft_wrap=True)
    console.print("Next, as README.md there explains")
    for command in written.following:
        console.print(f"  {plain(command)}", soft_wrap=True)
