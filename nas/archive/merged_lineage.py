"""What studies say of each other, where ids and names have changed."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nas.archive.copying import Copier
from nas.archive.rows import to_json, trials_by_id
from nas.archive.sources import Source, digest_of, sources_of
from nas.archive.tables import TRIALS
from nas.study import Study
from nas.trial import Trial

STEMS_FROM = "stems_from"
"""Parameter of the strategy ``fixed``: names of studies, and numbers of trials."""


def bring_along(
    target: sqlite3.Connection,
    theirs: sqlite3.Connection,
    copier: Copier,
    studies: Mapping[int, int],
    names: Mapping[str, str],
    source: Path,
) -> None:
    """Let studies that were copied refer to what was copied with them.

    Args:
        target: where they are now.
        theirs: where they were.
        copier: knows the ids.
        studies: ids there and here.
        names: of all studies of the source, there and here.
        source: its path, for what cannot be told of the copy.
    """
    for old, new in studies.items():
        if any(name != called for name, called in names.items()):
            _rewrite_names(target, names, new)
        study = Study("", "", (), {}, 0, 1, id=old)
        for position, one in enumerate(sources_of(theirs, study)):
            if not one.archive:
                moved = _moved(target, theirs, copier, one, names, source)
                target.execute(
                    """UPDATE warm_starts SET archive = ?, source = ?, last = ?, digest = ?
                    WHERE study = ? AND position = ?""",
                    (moved.archive, moved.study, moved.last, moved.digest, new, position),
                )


def _rewrite_names(target: sqlite3.Connection, names: Mapping[str, str], study: int) -> None:
    """Change the names of other studies in the parameters of a strategy."""
    (text,) = target.execute("SELECT config FROM studies WHERE id = ?", (study,)).fetchone()
    config = json.loads(text)
    strategy = config.get("strategy")
    if isinstance(strategy, dict) and strategy.get(STEMS_FROM):
        config["strategy"] = _renamed(strategy, names)
        target.execute("UPDATE studies SET config = ? WHERE id = ?", (to_json(config), study))
    sql = "SELECT id, parameters FROM components WHERE study = ? AND role = 'strategy'"
    for id_, text in target.execute(sql, (study,)).fetchall():
        parameters = json.loads(text)
        if parameters.get(STEMS_FROM):
            changed = to_json(_renamed(parameters, names), sort_keys=True)
            target.execute("UPDATE components SET parameters = ? WHERE id = ?", (changed, id_))


def _renamed(parameters: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    trials = [[names.get(name, name), number] for name, number in parameters[STEMS_FROM]]
    return {**parameters, STEMS_FROM: trials}


def _moved(
    target: sqlite3.Connection,
    theirs: sqlite3.Connection,
    copier: Copier,
    one: Source,
    names: Mapping[str, str],
    source: Path,
) -> Source:
    """Return a warm start from the copy of the earlier study.

    Which of its trials could be used only the space can tell; where that is in doubt, the study
    goes on from the archive that it is from.
    """
    elsewhere = Source(
        str(source.absolute()), one.study, one.last, one.trials, one.digest, one.same
    )
    sql = """SELECT trials.id FROM trials JOIN studies ON studies.id = study
        WHERE studies.name = ? AND trials.status = 'complete' AND trials.id <= ?"""
    known = [id_ for (id_,) in theirs.execute(sql, (one.study, one.last))]
    ids = copier.ids[TRIALS]
    for trials in _usable(trials_by_id(theirs, {}, known)):
        if len(trials) == one.trials and digest_of(trials) == one.digest:
            copied = trials_by_id(target, {}, [ids[trial.id] for trial in trials])
            last = max(ids[id_] for id_ in known)
            return Source("", names[one.study], last, one.trials, digest_of(copied), one.same)
    return elsewhere


def _usable(trials: Sequence[Trial]) -> Iterator[Sequence[Trial]]:
    yield trials
    yield [trial for trial in trials if all(map(math.isfinite, trial.losses))]
