"""The tables of an archive, as a list of migrations that is only ever added to.

Rules that hold for every table:

* Times are Unix seconds, durations seconds; JSON columns hold plain values, never NaN.
* SQLite has no NaN: a metric or curve value that is not a number is stored as NULL and read back
  as NaN. Infinities are stored as they are.
* A comment stands beside each column, so ``select sql from sqlite_master`` documents a file.

A migration that has been released is never changed. A new one is a function with a docstring at
the end of ``MIGRATIONS``; views are made anew after it (``nas.archive.views``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nas.archive.first_tables import (
    m001_studies,
    m002_trials,
    m003_results,
    m004_front,
    m005_sessions,
)

if TYPE_CHECKING:
    from sqlite_utils import Database

SET, TABLE = "nas", "_sqlite_migrations"
"""Name of our set, and of the table where sqlite-utils notes what has been applied."""


def m006_proxy_scores(db: Database) -> None:
    """Scores of networks that need not ever be trained."""
    db.execute("""
    CREATE TABLE scorings ( -- how a proxy scored; only scores of one scoring compare
        id INTEGER PRIMARY KEY,
        space INTEGER NOT NULL REFERENCES spaces,
        proxy TEXT NOT NULL, -- full name of the component, plugin:name
        parameters TEXT NOT NULL, -- JSON, keys in order
        distribution TEXT NOT NULL, -- what installed it; '(file)' for a plugin file
        version TEXT NOT NULL, -- of the distribution, or a digest of the file
        data TEXT NOT NULL, -- fingerprint of what the batch was taken from; '' for no data
        batch INTEGER NOT NULL, -- samples that the proxy was given
        samples TEXT NOT NULL, -- drawn at random, or the first of the data
        repeats INTEGER NOT NULL, -- initialisations that a score is the mean over
        seed INTEGER NOT NULL, -- of the batch and the initial weights
        UNIQUE (space, proxy, parameters, distribution, version, data, batch, samples, repeats,
            seed)
    )""")
    db.execute("""
    CREATE TABLE proxy_scores ( -- one row a scoring and architecture
        scoring INTEGER NOT NULL REFERENCES scorings ON DELETE CASCADE,
        architecture INTEGER NOT NULL REFERENCES architectures,
        value REAL, -- higher is better; NULL if there is none
        failure_kind TEXT, -- non-finite, not-applicable, error, ...; NULL if there is a value
        failure TEXT, -- why there is no value
        PRIMARY KEY (scoring, architecture)
    ) WITHOUT ROWID""")
    db.execute("CREATE INDEX proxy_scores_architecture ON proxy_scores (architecture)")


def m007_choosing(db: Database) -> None:
    """What it costs to decide what is evaluated next."""
    # seconds of the driver: telling the strategy, asking it, scoring candidates; NULL: not known
    db.execute("ALTER TABLE trials ADD COLUMN choosing REAL")


def m008_warm_starts(db: Database) -> None:
    """What a study was told before its first proposal."""
    db.execute("""
    CREATE TABLE warm_starts ( -- earlier studies whose complete trials a study began with
        study INTEGER NOT NULL REFERENCES studies ON DELETE CASCADE,
        position INTEGER NOT NULL, -- from 0
        archive TEXT NOT NULL, -- path, as the config has it; '' is this archive
        source TEXT NOT NULL, -- name of the earlier study there
        last INTEGER NOT NULL, -- id there of the last trial that is taken
        trials INTEGER NOT NULL, -- how many could be used
        digest TEXT NOT NULL, -- of these, to know them again
        same INTEGER NOT NULL, -- 1: evaluated in the same way; 0: in another
        PRIMARY KEY (study, position)
    ) WITHOUT ROWID""")


def m009_fidelities(db: Database) -> None:
    """What the steps of a learning curve mean where they are no epochs."""
    db.execute("""
    CREATE TABLE fidelities ( -- what an evaluation is at each step; none: a step is an epoch
        study INTEGER NOT NULL REFERENCES studies ON DELETE CASCADE,
        step INTEGER NOT NULL, -- of the learning curves, from 1; the last is the whole evaluation
        name TEXT NOT NULL, -- parameter of the evaluator, or 'space.NAME' of the space
        value TEXT NOT NULL, -- JSON
        PRIMARY KEY (study, step, name)
    ) WITHOUT ROWID""")


def m010_rulings(db: Database) -> None:
    """What schedulers decide; trials can be stopped or paused."""
    db.execute("""
    CREATE TABLE rulings ( -- what was decided on a trial, in order
        trial INTEGER NOT NULL REFERENCES trials ON DELETE CASCADE,
        position INTEGER NOT NULL, -- from 0
        step INTEGER NOT NULL, -- units of budget that the trial had spent
        -- audit: it was to stop, and went on to see what would be lost; inherit: another trial had
        -- spent the budget up to here
        verdict TEXT NOT NULL
            CHECK (verdict IN ('continue', 'stop', 'pause', 'promote', 'audit', 'inherit')),
        reason TEXT NOT NULL, -- in words, with the numbers that led to it
        PRIMARY KEY (trial, position)
    ) WITHOUT ROWID""")
    # what SQLite's documentation advises for a CHECK that lets more pass: no row is touched
    (version,) = db.execute("PRAGMA schema_version").fetchone()
    db.execute("PRAGMA writable_schema = ON")
    db.execute(
        "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE name = 'trials'",
        ["'infeasible', 'cancelled'", "'infeasible', 'stopped', 'paused', 'cancelled'"],
    )
    db.execute(f"PRAGMA schema_version = {version + 1}")
    db.execute("PRAGMA writable_schema = OFF")


def m011_tests(db: Database) -> None:
    """What networks achieved on test splits; no strategy, front or view reads it."""
    db.execute("""
    CREATE TABLE tests ( -- one row a trial, test split and metric, as nas test found it
        trial INTEGER NOT NULL REFERENCES trials ON DELETE CASCADE,
        data TEXT NOT NULL, -- fingerprint of the test split
        metric TEXT NOT NULL,
        value REAL NOT NULL, -- mean over the samples
        low REAL NOT NULL, -- lower end of the 95 % confidence interval
        high REAL NOT NULL, -- upper end
        method TEXT NOT NULL, -- wilson, bootstrap
        samples INTEGER NOT NULL, -- how many the test split has
        tested REAL NOT NULL, -- Unix time of the last test
        PRIMARY KEY (trial, data, metric)
    ) WITHOUT ROWID""")
    db.execute("CREATE INDEX tests_data ON tests (data)")


MIGRATIONS: tuple[Callable[[Database], None], ...] = (
    m001_studies,
    m002_trials,
    m003_results,
    m004_front,
    m005_sessions,
    m006_proxy_scores,
    m007_choosing,
    m008_warm_starts,
    m009_fidelities,
    m010_rulings,
    m011_tests,
)
"""In the order of their application; only ever added to."""

NAMES = tuple(migration.__name__ for migration in MIGRATIONS)
"""What sqlite-utils notes of them."""
