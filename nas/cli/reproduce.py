"""``nas reproduce``: a trial run again, number by number."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli.options import AsJson, PluginFiles
from nas.cli.output import Column, Listing, print_json, stdout
from nas.cli.train import ArchiveFile, TrialId, Trust

if TYPE_CHECKING:
    from nas.engine.comparing import ComparedMetric
    from nas.engine.reproducing import Reproduced

DIFFERS = 1
"""Exit code if the numbers do not agree."""
_WORDS = {
    "exact": "same, bit for bit",
    "close": "within the tolerance",
    "measured": "measured: never the same",
    "different": "differs",
    "missing": "on one side only",
}


def reproduce(
    archive: ArchiveFile,
    trial_id: TrialId,
    tolerance: Annotated[
        float,
        typer.Option("--tolerance", min=0.0, help="Relative difference that is let pass."),
    ] = 0.0,
    trust: Trust = False,
    plugin: PluginFiles = None,
    as_json: AsJson = False,
) -> None:
    """Run a trial again from its record, and compare the numbers.

    It runs in this process, and nothing is archived. The exit code is 0 if they agree, 1 if they do
    not, and 2 if the trial cannot be run again. What is measured, such as a latency, never decides.
    """
    import nas

    found = nas.reproduce(archive, trial_id, tolerance=tolerance, plugins=plugin or (), trust=trust)
    if as_json:
        print_json(_document(found))
    else:
        _print(found)
    if not found.agrees:
        raise typer.Exit(DIFFERS)


def _document(found: Reproduced) -> dict[str, Any]:
    failures = {"then": found.trial.failure, "now": found.failure}
    return {
        "id": found.trial.id,
        "study": found.study.name,
        "agrees": found.agrees,
        "exact": found.exact,
        "metrics": [{**asdict(m), "within_spread": m.within_spread} for m in found.metrics],
        "curve_differs_from": found.curve_from,
        "failure": {
            when: {"kind": f.kind, "message": f.message} if f else None
            for when, f in failures.items()
        },
        "worker": {"then": found.worker_then, "now": found.worker},
        "changes": list(found.changes),
    }


def _print(found: Reproduced) -> None:
    from nas.cli.tables import print_table
    from nas.text import plain

    console = stdout()
    how = "bit for bit" if found.exact else "within the tolerance"
    said = f"it agrees, {how}" if found.agrees else "it differs"
    title = f"Trial {found.trial.id} of {plain(found.study.name)}, run again: {said}"
    console.print(title, style="bold green" if found.agrees else "bold red")
    _print_failures(found)
    if found.metrics:
        console.print()
        columns = [
            Column("metric"),
            Column("then", right=True),
            Column("now", right=True),
            Column("verdict", wrap=True),
        ]
        print_table(Listing(columns, [_row(metric) for metric in found.metrics]), console)
    if found.curve_from is not None:
        console.print(f"\nThe learning curve differs from step {found.curve_from:,} on")
    if not found.agrees:
        _print_reasons(found)


def _row(metric: ComparedMetric) -> dict[str, str]:
    from nas.text import MISSING, plain

    verdict = _WORDS[metric.verdict]
    if metric.within_spread is not None:
        verdict = f"measured: {'within' if metric.within_spread else 'outside'} the spread"
    then, now = (MISSING if v is None else repr(v) for v in (metric.then, metric.now))
    return {"metric": plain(metric.name), "then": then, "now": now, "verdict": verdict}


def _print_failures(found: Reproduced) -> None:
    from nas.text import one_line, plain

    for when, failure in (("then", found.trial.failure), ("now", found.failure)):
        if failure is not None:
            told = f"{when}: failed, {plain(failure.kind)}: {one_line(failure.message)}"
            stdout().print(f"  {told}", soft_wrap=True)


def _print_reasons(found: Reproduced) -> None:
    from nas.text import plain

    console = stdout()
    console.print("\nWhat is not as it was:")
    for change in found.changes or ("nothing that the archive knows of",):
        console.print(f"  {plain(change)}", soft_wrap=True)
    console.print(f"  run on {plain(found.worker)}, then on {plain(found.worker_then)}")
