"""Reading what filters and proxies thought of networks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from nas.architecture import Architecture
from nas.archive.record import Score
from nas.study import Study


def scores_of(connection: sqlite3.Connection, study: Study) -> Iterator[tuple[int, Score]]:
    """Yield every score of a study with its trial's number, in the order they were given."""
    sql = """SELECT trials.number, scorer, decisions, canonical_id, value, failure
        FROM trials JOIN scores ON scores.trial = trials.id
        JOIN architectures ON architectures.id = scores.architecture
        WHERE trials.study = ? ORDER BY trials.number, scores.position"""
    for number, scorer, decisions, canonical_id, value, failure in connection.execute(
        sql, (study.id,)
    ):
        architecture = Architecture.from_json(decisions)
        yield number, Score(scorer, architecture, canonical_id, value, failure)


def own_scores_of(connection: sqlite3.Connection, study: Study) -> Iterator[tuple[str, int, float]]:
    """Yield scorer, trial id and value: what was thought of the complete trials' networks.

    Whether a filter scored them for their proposal, or they were scored in bulk; of several bulk
    scorings by one proxy, each is a scorer of its own.
    """
    by_filter = """SELECT scorer, trials.id, value FROM trials
        JOIN scores ON scores.trial = trials.id AND scores.architecture = trials.architecture
        WHERE study = ? AND status = 'complete' AND value IS NOT NULL"""
    in_bulk = """SELECT proxy, scorings.id, trials.id, value FROM trials
        JOIN proxy_scores ON proxy_scores.architecture = trials.architecture
        JOIN scorings ON scorings.id = scoring
        WHERE study = ? AND status = 'complete' AND value IS NOT NULL"""
    yield from connection.execute(by_filter, (study.id,))
    found = connection.execute(in_bulk, (study.id,)).fetchall()
    ids: dict[str, set[int]] = {}
    for proxy, scoring, _, _ in found:
        ids.setdefault(proxy, set()).add(scoring)
    for proxy, scoring, trial, value in found:
        alone = len(ids[proxy]) == 1
        yield f"bulk:{proxy}" if alone else f"bulk:{proxy} (scoring {scoring})", trial, value
