"""``nas test``: what found networks are worth on data that nothing was chosen by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli.options import AsJson, PluginFiles
from nas.cli.output import Column, Listing, print_json, stderr, stdout
from nas.cli.train import ArchiveFile, Trust

if TYPE_CHECKING:
    from nas.engine.on_test_split import Tested


def on_test_split(
    archive: ArchiveFile,
    trial_ids: Annotated[
        list[int], typer.Argument(metavar="ID...", help="Of trials whose weights are kept.")
    ],
    trust: Trust = False,
    plugin: PluginFiles = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate found networks on the test split.

    With 95 % confidence intervals. No search has seen that split. That stays so as long as
    nobody chooses by it: the archive counts how
    many networks have been tested.
    """
    import nas

    found = nas.evaluate_on_test(archive, trial_ids, plugins=plugin or (), trust=trust)
    if as_json:
        print_json(_document(found))
    else:
        _print(found)


def _document(found: Sequence[Tested]) -> dict[str, Any]:
    from nas.engine.on_test_split import over_seeds_of

    return {
        "tested": [
            {
                "id": one.trial.id,
                "study": one.study.name,
                "metrics": {name: asdict(e) for name, e in one.metrics.items()},
                "validation": dict(one.validation),
                "changed_since": list(one.changed),
                "networks_tested": one.networks,
            }
            for one in found
        ],
        "over_seeds": [
            {"study": study, "trials": list(ids), "metrics": {k: asdict(v) for k, v in of.items()}}
            for (study, ids), of in over_seeds_of(found).items()
        ],
    }


def _print(found: Sequence[Tested]) -> None:
    from nas.cli.tables import print_table
    from nas.text import number

    console = stdout()
    samples = {e.samples for one in found for e in one.metrics.values()}
    console.print(f"On the test split, {' or '.join(map(number, samples))} samples", style="bold")
    console.print()
    columns = [
        Column("id", right=True),
        Column("metric"),
        Column("value", "test", right=True),
        Column("interval", "95 % interval", right=True),
        Column("validation", right=True),
        Column("method", optional=True),
    ]
    print_table(Listing(columns, [row for one in found for row in _rows(one)]), console)
    _print_seeds(found)
    for line in _notes(found):
        console.print(f"\n{line}", style="dim")
    for one in found:
        for name in one.changed:
            stderr().print(
                f"Warning: {name} of trial {one.trial.id} is {number(one.validation[name])} on the "
                f"validation part now, and was {number(one.trial.metrics[name])}: data or code are "
                "not those of the search",
                style="yellow",
            )


def _rows(one: Tested) -> list[dict[str, Any]]:
    from nas.text import number, plain

    units = {goal.metric: plain(goal.unit) for goal in one.study.goals}
    return [
        {
            "id": str(one.trial.id),
            "metric": plain(name),
            "value": number(e.value, units.get(name, "")),
            "interval": f"{number(e.low)} to {number(e.high)}",
            "validation": number(one.trial.metrics.get(name), units.get(name, "")),
            "method": e.method,
        }
        for name, e in one.metrics.items()
    ]


def _print_seeds(found: Sequence[Tested]) -> None:
    from nas.engine.on_test_split import over_seeds_of
    from nas.text import count, number, plain

    for (study, ids), of in over_seeds_of(found).items():
        stdout().print(f"\n{plain(study)}, over {count(len(ids), 'seed')} of one architecture:")
        for name, one in of.items():
            assert one.std is not None
            stdout().print(f"  {plain(name)} {number(one.mean)} ± {number(one.std)}")


def _notes(found: Sequence[Tested]) -> list[str]:
    from nas.text import count

    networks = max(one.networks for one in found)
    counted = f"{count(networks, 'network')} of this archive"
    verb = "has" if networks == 1 else "have"
    return [
        f"{counted} {verb} been tested on this split so far. The best of many is better than it "
        "really is: choose by validation, test what was chosen."
    ]
