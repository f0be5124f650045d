"""``nas export``: a found network in a form that runs without nas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.options import AsJson, Assignments, PluginFiles, parameters
from nas.cli.output import print_json, stdout
from nas.cli.plugins import load_plugins

if TYPE_CHECKING:
    from nas.exporting import Exported


def export(
    archive: Annotated[str, typer.Argument(metavar="ARCHIVE", help="The SQLite file.")],
    trial_id: Annotated[
        int, typer.Argument(metavar="ID", help="Of the trial, as nas front has it.")
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="EXPORTER",
            help="onnx, pt2, python, safetensors, json, or a plugin's.",
        ),
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="PATH", help="The file to write.")
    ],
    assignments: Assignments = None,
    untrained: Annotated[
        bool, typer.Option("--untrained", help="With the weights that training began with.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    plugin: PluginFiles = None,
    as_json: AsJson = False,
) -> None:
    """Write the network of a trial in a form that runs without nas.

    What is written is loaded again and compared with the archived network before it is put in its
    place. --set sets the exporter's parameters.
    """
    from nas import Archive
    from nas.archive.exports import build_exporter

    plugins = load_plugins(plugin)
    exporter = build_exporter(to, parameters(assignments), plugins)
    with Archive(archive) as opened:
        done = opened.export(
            trial_id, exporter, output, untrained=untrained, force=force, plugins=plugins
        )
    if as_json:
        print_json(_document(done))
    else:
        _print(done)


def _document(done: Exported) -> dict[str, object]:
    return {
        "files": [{"path": str(path), "bytes": size} for path, size in done.files.items()],
        "trained": done.trained,
        "largest_difference": done.difference,
        "limit": done.limit,
    }


def _print(done: Exported) -> None:
    from nas.text import number, plain

    console = stdout()
    for path, size in done.files.items():
        console.print(f"Wrote {plain(path)}, {number(size, 'B')}", soft_wrap=True)
    console.print(
        f"Loaded again and compared with the archived network: outputs differ by at most "
        f"{done.difference:.1e} (limit {done.limit:.1e})",
        soft_wrap=True,
    )
    if done.trained is False:
        console.print("The weights are untrained.", style="yellow")
