"""``nas doctor``: is an archive what it should be?"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.options import AsJson, PluginFiles
from nas.cli.output import print_json, stdout
from nas.cli.plugins import load_plugins
from nas.text import count, one_line

if TYPE_CHECKING:
    from nas.archive.findings import Finding, Report


def doctor(
    archive: Annotated[str, typer.Argument(metavar="ARCHIVE", help="The SQLite file.")],
    everything: Annotated[
        bool, typer.Option("--all", help="Look at all where else a sample is taken.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make fronts and views anew from the trials.")
    ] = False,
    plugin: PluginFiles = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with an archive.

    And what that means, and what to do. Nothing is changed without --repair. The exit code is 0
    if it is healthy, else 1.
    """
    from nas.archive.checking import examine
    from nas.archive.checking import repair as repair_archive

    plugins = load_plugins(plugin)
    repaired = repair_archive(archive, plugins=plugins) if repair else []
    report = examine(archive, everything=everything, plugins=plugins)
    if as_json:
        print_json({**asdict(report), "healthy": report.healthy, "repaired": repaired_of(repaired)})
    else:
        _print(report, repaired)
    if not report.healthy:
        raise typer.Exit(1)


def repaired_of(findings: list[Finding]) -> list[dict[str, object]]:
    """Return findings as plain JSON values."""
    return [asdict(finding) for finding in findings]


def _print(report: Report, repaired: list[Finding]) -> None:
    console = stdout()
    for finding in repaired:
        console.print(
            f"Repaired: {one_line(f'{finding.check}: {finding.what}')}",
            style="green",
            soft_wrap=True,
        )
    for finding in report.findings:
        console.print(one_line(finding), style="red", soft_wrap=True)
    for remark in report.remarks:
        console.print(one_line(remark), style="dim", soft_wrap=True)
    if report.healthy:
        console.print(f"Healthy: {count(len(report.checks), 'check')} found nothing wrong")
    else:
        console.print(count(len(report.findings), "finding"), style="bold")
