"""What ``nas savings`` tells people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.cli.audit import AuditSummary, summarise
from nas.cli.budgets import percent
from nas.cli.output import Column, Listing, stdout
from nas.cli.savings import VERDICTS, regret_of, saved_text, scheduler_of, share_of
from nas.cli.tables import print_table
from nas.text import count, number, plain

if TYPE_CHECKING:
    from rich.console import Console

    from nas.archive.savings import Savings
    from nas.benchmark.statistics import Estimate
    from nas.study import Study
    from nas.trial import Trial

LEVELS = 20
"""Steps that a table of decisions shows; JSON has all."""
FEW = 10
"""Audited trials below which the reader is warned."""


def print_savings(study: Study, known: Savings, of_steps: str) -> None:
    """Print what was saved, what was decided, and what that lost."""
    console = stdout()
    name = scheduler_of(study)
    by = f"scheduler {plain(name)}" if name else "no scheduler"
    console.print(f"{plain(study.name)}, {by}: {saved_text(known, of_steps)}", style="bold")
    if not known.spent:
        console.print("No trial has run yet, or the evaluator knows no budgets.", style="yellow")
        return
    _print_spent(known, of_steps, console)
    if known.verdicts:
        _print_decisions(known, of_steps, console)
    if known.verdicts or known.audited:
        _print_audit(study, known, of_steps, console)


def _print_spent(known: Savings, of_steps: str, console: Console) -> None:
    rows = [
        {
            "status": str(status),
            "trials": part.trials,
            "spent": part.spent,
            "saved": part.saved,
            "mean": part.spent / part.trials,
        }
        for status, part in known.spent.items()
    ]
    unit = f"{of_steps}s"
    columns = [
        Column("status"),
        Column("trials", number=True),
        Column("spent", unit=unit, number=True),
        Column("saved", unit=unit, number=True),
        Column("mean", "spent a trial", unit, number=True, optional=True),
    ]
    print_table(Listing(columns, rows), console)
    if of_steps == "step":
        said = "A step of a staged evaluation is no unit of cost: nas status says what each is."
        console.print(said, style="dim", soft_wrap=True)


def _print_decisions(known: Savings, of_steps: str, console: Console) -> None:
    every = -(-len(known.verdicts) // LEVELS)
    steps = list(known.verdicts)[::every]
    rows = [{"step": step, **known.verdicts[step]} for step in steps]
    met = [v for v in VERDICTS if any(v in by for by in known.verdicts.values())]
    more = f", {len(steps)} of {len(known.verdicts)} steps shown" if every > 1 else ""
    console.print(f"\nDecisions, in trials{more}", style="bold")
    columns = [Column("step", f"at {of_steps}", number=True)]
    print_table(Listing([*columns, *(Column(v, number=True) for v in met)], rows), console)


def _print_audit(study: Study, known: Savings, of_steps: str, console: Console) -> None:
    console.print("\nWhat stopping lost", style="bold")
    for line in _audit_lines(study, known, of_steps):
        console.print(line, soft_wrap=True)


def _audit_lines(study: Study, known: Savings, of_steps: str) -> list[str]:
    stopped = sum(by.get("stop", 0) for by in known.verdicts.values())
    summary = summarise(known.audited)
    if not summary.trials:
        return [_unaudited(share_of(study), stopped)]
    asked = stopped + summary.trials
    lines = [
        f"{summary.trials:,} of {count(asked, 'trial')} to stop went on all the same "
        f"(audit = {share_of(study):g}), which took {count(known.audit_spent, of_steps)}."
    ]
    if summary.ended < summary.trials:
        lines.append(f"{summary.trials - summary.ended:,} of them have not ended.")
    if summary.ended:
        lines += [_share(summary, stopped), *_regrets(study, summary, of_steps)]
    return [*lines, *_paused(known)]


def _unaudited(share: float, stopped: int) -> str:
    if not stopped:
        return "No trial was to stop, so there is nothing to audit; pauses are not audited."
    if share:
        return (
            f"Not known: none of {count(stopped, 'trial')} to stop was drawn (audit = {share:g})."
        )
    return (
        "Not known: every trial that was to stop was stopped. `nas search --audit 0.05` has one "
        "in twenty go on, to see."
    )


def _share(summary: AuditSummary, stopped: int) -> str:
    assert summary.low is not None
    assert summary.high is not None
    said = (
        f"{summary.lost:,} of {summary.ended:,} would be missing from the front, had they been "
        f"stopped: {percent(summary.lost / summary.ended)} "
        f"(95 % interval {percent(summary.low)} to {percent(summary.high)})"
    )
    if stopped:
        low, high = summary.low * stopped, summary.high * stopped
        said += f", so {low:,.0f} to {high:,.0f} of the {stopped:,} that were stopped"
    few = " So few say little." if summary.ended < FEW else ""
    return f"{said}.{few}"


def _regrets(study: Study, summary: AuditSummary, of_steps: str) -> list[str]:
    what = regret_of(study)
    lines = []
    if summary.regret.mean is not None:
        mean = _estimate(study, summary.regret)
        of = "of the front's hypervolume" if len(study.goals) > 1 else f"in {plain(what)}"
        lines.append(f"Regret of stopping one, {of}: {mean}.")
    if summary.behind.mean is not None:
        others = "the best that was not to stop"
        lines.append(f"They ended behind {others} by {_estimate(study, summary.behind)}.")
    if summary.best is not None:
        trial = summary.best.trial
        lines.append(
            f"The best of them: trial {trial.id}, {_values(study, trial)}; "
            f"it was to stop at {of_steps} {summary.best.step:,} ({plain(summary.best.reason)})."
        )
    return lines


def _estimate(study: Study, found: Estimate) -> str:
    assert found.mean is not None
    several = len(study.goals) > 1
    unit = "" if several else plain(study.goals[0].unit)

    def text(value: float) -> str:
        return percent(value, 2) if several else number(value, unit)

    if found.low is None or found.high is None:
        return f"{text(found.mean)} on average of {found.n:,}"
    interval = f"95 % interval {text(found.low)} to {text(found.high)}"
    return f"{text(found.mean)} on average of {found.n:,} ({interval})"


def _values(study: Study, trial: Trial) -> str:
    return ", ".join(
        f"{plain(goal.metric)} {number(trial.metrics.get(goal.metric), plain(goal.unit))}"
        for goal in study.goals
    )


def _paused(known: Savings) -> list[str]:
    from nas.trial import Status

    paused = known.trials.get(Status.PAUSED, 0)
    return (
        [f"{count(paused, 'paused trial')} may still go on; pauses are not audited."]
        if paused
        else []
    )
