"""What ``nas predict`` shows: predictions with error bars, and how far to believe them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import TYPE_CHECKING, Any

from nas.cli.output import Column, Listing, objective_column, print_csv, print_json, stdout
from nas.cli.rank import verdict
from nas.cli.tables import print_table
from nas.text import count, number, plain

if TYPE_CHECKING:
    from nas.architecture import Architecture
    from nas.engine.prediction import Forecast, Validation


class PredictOutput:
    """Predicts, and shows what was predicted.

    Args:
        made: the predictor and what it learns from.
        wanted: what to predict for.
    """

    def __init__(self, made: Forecast, wanted: Sequence[Architecture]) -> None:
        self._made, self._samples = made, made.samples
        self._listing = self._listed(self._rows(wanted))

    def write_csv(self) -> None:
        """Write the predictions for machines."""
        print_csv(self._listing.keys, self._listing.rows)

    def write_json(self, validation: Validation, how: Mapping[str, Any]) -> None:
        """Write everything for machines; ``how`` is what the predictor was made with."""
        samples, goal = self._samples, self._samples.goal
        figures = ("folds", "mae", "rmse", "baseline", "coverage")
        print_json(
            {
                "study": samples.study.name,
                "metric": goal.metric,
                "direction": goal.direction,
                "unit": goal.unit,
                **how,
                "trials": len(samples.trials),
                "networks": len(set(samples.networks)),
                "validation": {
                    **{name: getattr(validation, name) for name in figures},
                    "rankings": [asdict(ranking) for ranking in validation.rankings],
                },
                "predictions": self._listing.records(),
            }
        )

    def print(self, validation: Validation, top: int) -> None:
        """Print how well it predicts, then the best that it predicts."""
        console, rows = stdout(), self._listing.rows
        self._print_validation(validation)
        what = plain(self._samples.goal.metric)
        if not rows:
            console.print("\nNo network of the space is left that was not trained", style="yellow")
            return
        console.print(f"\nPredicted {what} of {count(len(rows), 'architecture')}", style="bold")
        print_table(Listing(self._listing.columns, rows[:top]), console)
        if len(rows) > top:
            console.print(f"… and {len(rows) - top:,} more: --top, --csv or --json", style="dim")

    def _print_validation(self, found: Validation) -> None:
        console, samples = stdout(), self._samples
        trials = count(len(samples.trials), "trial")
        networks = count(len(set(samples.networks)), "network")
        metric, unit = plain(samples.goal.metric), plain(samples.goal.unit)
        console.print(
            f"How {plain(self._made.name)} predicted {metric} of networks that it had not seen",
            style="bold",
        )
        columns = [
            Column("name", "score"),
            Column("n", "trials", number=True),
            Column("spearman", "Spearman", right=True, show="{:+.3f}".format),
            Column("interval", "95 % interval", right=True),
            Column("kendall", "Kendall", right=True, show="{:+.3f}".format, optional=True),
        ]
        rows = [
            {**asdict(r), "interval": None if r.low is None else f"{r.low:+.2f} to {r.high:+.2f}"}
            for r in found.rankings
        ]
        print_table(Listing(columns, rows), console)
        said = (
            verdict(found.rankings),
            f"off by {number(found.mae, unit)} on average, {number(found.rmse, unit)} root mean "
            f"square; who always says the mean, {number(found.baseline, unit)}",
            f"within 1.96 standard deviations: {found.coverage:.1%}; 95 % would be right",
            f"{found.folds}-fold cross-validation on {trials} of {networks} of study "
            f"{plain(samples.study.name)}; a network is in one fold only",
        )
        for line in said:
            console.print(line, style="dim", soft_wrap=True)

    def _listed(self, rows: Sequence[Mapping[str, Any]]) -> Listing:
        goal = self._samples.goal
        columns = [
            objective_column(goal, "mean"),
            Column("std", "±", plain(goal.unit), number=True),
            Column("architecture"),
        ]
        also = ["trained", "canonical_id", "decisions"]
        if any(row["trained"] is not None for row in rows):
            columns.insert(2, Column("trained", unit=plain(goal.unit), number=True))
            also.remove("trained")
        return Listing(columns, rows, also)

    def _rows(self, wanted: Sequence[Architecture]) -> list[dict[str, Any]]:
        """Return a row an architecture, the best first."""
        samples = self._samples
        values: dict[str, list[float]] = {}
        for network, value in zip(samples.networks, samples.values.tolist(), strict=True):
            values.setdefault(network, []).append(value)
        mean, std = self._made.predict(wanted)
        rows = []
        for architecture, m, s in zip(wanted, mean.tolist(), std.tolist(), strict=True):
            network = samples.space.canonical_id(architecture)
            rows.append(
                {
                    "mean": m,
                    "std": s,
                    "trained": fmean(values[network]) if network in values else None,
                    "architecture": samples.space.format(architecture),
                    "canonical_id": network,
                    "decisions": dict(architecture),
                }
            )
        return sorted(rows, key=lambda row: samples.goal.loss(row["mean"]))
