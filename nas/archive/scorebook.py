"""Scores of untrained networks, whether they are ever trained or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.architecture import Architecture
from nas.archive.insert import escaped, insert_architectures, insert_space
from nas.archive.opening import content_of, errors_of, open_for_writing
from nas.archive.record import ComponentRecord
from nas.archive.rows import to_json
from nas.archive.transactions import Transactions
from nas.closing import Closing
from nas.trial import Failure

_SCORING = (
    """space, proxy, parameters, distribution, version, data, batch, samples, repeats, seed"""
)


@dataclass(frozen=True)
class Scoring:
    """How a proxy scores; only scores of one scoring compare.

    Args:
        space: the component.
        proxy: the component.
        data: fingerprint of what the batch was taken from; empty if the proxy looks at none.
        batch: samples that it was given.
        samples: ``drawn`` at random, or the ``first`` of the data.
        repeats: initialisations that a score is the mean over.
        seed: of the batch and the initial weights.
    """

    space: ComponentRecord
    proxy: ComponentRecord
    data: str
    batch: int
    samples: str
    repeats: int
    seed: int


@dataclass(frozen=True)
class Scored:
    """An architecture's score by one scoring, or why there is none.

    Args:
        scoring: its id, as ``ScoreBook.begin`` returned it.
        architecture: what was scored.
        canonical_id: of the architecture.
        text: the architecture in the space's own string form.
        value: higher is better; None if there is none.
        failure: why there is none.
    """

    scoring: int
    architecture: Architecture
    canonical_id: str
    text: str
    value: float | None
    failure: Failure | None = None


class ScoreBook(Closing):
    """The part of an archive where scores of untrained networks stand. Several may write to it.

    Args:
        path: of the archive; created if it is not there.

    Raises:
        ArchiveError: the file is no archive, of a newer version, or cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._connection = open_for_writing(self._path)
        self._transactions = Transactions(self._path, self._connection)

    def close(self) -> None:
        """Close the file; more than once is fine."""
        self._connection.close()

    def begin(self, scorings: Sequence[Scoring]) -> list[int]:
        """Return the ids of scorings; those that are new are added."""
        with self._transactions.begin():
            return [self._id(scoring) for scoring in scorings]

    def values(self, scoring: int) -> dict[Architecture, float | Failure]:
        """Return all that was scored by one scoring."""
        sql = """SELECT decisions, value, failure_kind, failure FROM proxy_scores
            JOIN architectures ON architectures.id = architecture WHERE scoring = ?"""
        with errors_of(self._path), content_of(self._path):
            rows = self._connection.execute(sql, (scoring,)).fetchall()
            return {
                Architecture.from_json(decisions): (
                    Failure(kind, why) if value is None else float(value)
                )
                for decisions, value, kind, why in rows
            }

    def add(self, scored: Sequence[Scored]) -> None:
        """Write scores in one transaction; one that is there already stays as it is."""
        with self._transactions.begin():
            spaces = dict(self._connection.execute("SELECT id, space FROM scorings").fetchall())
            architectures = insert_architectures(
                self._connection,
                [
                    (s.canonical_id, spaces[s.scoring], s.architecture.to_json(), escaped(s.text))
                    for s in scored
                ],
            )
            self._connection.executemany(
                "INSERT OR IGNORE INTO proxy_scores VALUES (?, ?, ?, ?, ?)",
                [
                    (s.scoring, architecture, s.value, *_failure(s.failure))
                    for s, architecture in zip(scored, architectures, strict=True)
                ],
            )

    def _id(self, scoring: Scoring) -> int:
        proxy = scoring.proxy
        values = (
            insert_space(self._connection, [scoring.space]),
            proxy.name,
            to_json(proxy.parameters, sort_keys=True),
            proxy.distribution,
            proxy.version,
            scoring.data,
            scoring.batch,
            scoring.samples,
            scoring.repeats,
            scoring.seed,
        )
        places = ", ".join("?" * len(values))
        known = f"SELECT id FROM scorings WHERE ({_SCORING}) = ({places})"
        self._connection.execute(
            f"INSERT OR IGNORE INTO scorings ({_SCORING}) VALUES ({places})", values
        )
        (found,) = self._connection.execute(known, values).fetchone()
        return int(found)


def _failure(failure: Failure | None) -> tuple[str | None, str | None]:
    return (escaped(failure.kind), escaped(failure.message)) if failure else (None, None)
