"""The tables that an archive has had from the beginning: the first five migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database


def m001_studies(db: Database) -> None:
    """Searches, the spaces they run in, and the provenance of every component they use."""
    db.execute("""
    CREATE TABLE spaces ( -- search spaces with their parameters; studies share them
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL, -- full name of the component, plugin:name
        parameters TEXT NOT NULL, -- JSON, keys in order
        UNIQUE (name, parameters)
    )""")
    db.execute("""
    CREATE TABLE studies ( -- one row a search
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        space INTEGER NOT NULL REFERENCES spaces,
        goals TEXT NOT NULL, -- JSON list: metric, direction, unit, low, high of each objective
        config TEXT NOT NULL, -- JSON, as it was checked
        seed INTEGER NOT NULL, -- every other seed is derived from it
        window INTEGER NOT NULL, -- proposal k knows the results of trials 0 to k - window
        status TEXT NOT NULL
            CHECK (status IN ('running', 'finished', 'interrupted', 'failed')),
        reason TEXT NOT NULL, -- why the last session ended, in words
        created REAL NOT NULL, -- Unix time
        updated REAL NOT NULL -- Unix time of the last trial or change of status
    )""")
    db.execute("CREATE INDEX studies_updated ON studies (updated)")
    db.execute("""
    CREATE TABLE components ( -- what a study uses; a second version is a second row
        id INTEGER PRIMARY KEY,
        study INTEGER NOT NULL REFERENCES studies ON DELETE CASCADE,
        role TEXT NOT NULL, -- space, dataset, evaluator, strategy, objective, proxy, predictor
        name TEXT NOT NULL, -- full name, plugin:name
        parameters TEXT NOT NULL, -- JSON, keys in order
        distribution TEXT NOT NULL, -- what installed it; '(file)' for a plugin file
        version TEXT NOT NULL, -- of the distribution, or a digest of the file
        UNIQUE (study, role, name, parameters, distribution, version)
    )""")


def m002_trials(db: Database) -> None:
    """Architectures, the trials that evaluated them, and what each was made from."""
    db.execute("""
    CREATE TABLE architectures ( -- every architecture that was tried or scored, once for its space
        id INTEGER PRIMARY KEY,
        space INTEGER NOT NULL REFERENCES spaces,
        canonical_id TEXT NOT NULL, -- the same for the same network
        decisions TEXT NOT NULL, -- JSON object of the active decisions, in the space's order
        text TEXT, -- the space's own string form; NULL if it was scored but never tried
        UNIQUE (canonical_id, space, decisions) -- one index also finds the same network elsewhere
    )""")
    db.execute("""
    CREATE TABLE trials ( -- one evaluation of one architecture in one study
        id INTEGER PRIMARY KEY,
        study INTEGER NOT NULL REFERENCES studies ON DELETE CASCADE,
        number INTEGER NOT NULL CHECK (number >= 0), -- position in the study, from 0
        architecture INTEGER NOT NULL REFERENCES architectures,
        status TEXT NOT NULL
            CHECK (status IN ('complete', 'failed', 'infeasible', 'cancelled')),
        seed INTEGER NOT NULL, -- what training was seeded with
        budget INTEGER, -- in the evaluator's unit (epochs); NULL if it knows none
        seconds REAL NOT NULL, -- wall time on the worker
        started REAL NOT NULL, -- Unix time at which the worker began; 0 if none did
        violation REAL NOT NULL, -- sum of relative bound violations; 0 is feasible
        worker TEXT NOT NULL, -- which machine and device it ran on
        failure_kind TEXT, -- error, non-finite, crashed, lost, ...; NULL if it did not fail
        failure_message TEXT,
        failure_traceback TEXT,
        UNIQUE (study, number)
    )""")
    db.execute("CREATE INDEX trials_status ON trials (study, status, number)")
    db.execute("CREATE INDEX trials_architecture ON trials (architecture)")
    db.execute("""
    CREATE TABLE parents ( -- lineage: what a trial's architecture was made from
        trial INTEGER NOT NULL REFERENCES trials ON DELETE CASCADE,
        position INTEGER NOT NULL, -- from 0, in the strategy's order
        parent INTEGER NOT NULL REFERENCES trials DEFERRABLE INITIALLY DEFERRED,
        PRIMARY KEY (trial, position)
    ) WITHOUT ROWID""")
    db.execute("CREATE INDEX parents_parent ON parents (parent)")


def m003_results(db: Database) -> None:
    """Metrics, how they were measured, learning curves and scores of untrained networks."""
    db.execute("""
    CREATE TABLE protocols ( -- everything a measured number depends on beside the network
        id INTEGER PRIMARY KEY,
        protocol TEXT NOT NULL UNIQUE -- JSON object, keys in order
    )""")
    db.execute("""
    CREATE TABLE metrics ( -- one row a trial and metric, in the metric's own unit and direction
        trial INTEGER NOT NULL REFERENCES trials ON DELETE CASCADE,
        name TEXT NOT NULL,
        value REAL, -- NULL is NaN; the median if it was measured
        spread REAL, -- half the interquartile range; NULL unless it was measured
        protocol INTEGER REFERENCES protocols, -- NULL unless it was measured
        PRIMARY KEY (trial, name)
    ) WITHOUT ROWID""")
    db.execute("""
    CREATE TABLE metric_names ( -- every metric name, in order of appearance: the views' columns
        position INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    )""")
    db.execute("""
    CREATE TABLE curves ( -- learning curves
        trial INTEGER NOT NULL REFERENCES trials ON DELETE CASCADE,
        step INTEGER NOT NULL, -- units of budget spent
        name TEXT NOT NULL, -- of the metric
        value REAL, -- NULL is NaN
        PRIMARY KEY (trial, step, name)
    ) WITHOUT ROWID""")
    db.execute("""
    CREATE TABLE scores ( -- what a filter thought of the candidates of a trial's proposal
        trial INTEGER NOT NULL REFERENCES trials ON DELETE CASCADE,
        position INTEGER NOT NULL, -- of the candidate, from 0
        scorer TEXT NOT NULL, -- proxy:NAME or predictor:NAME
        architecture INTEGER NOT NULL REFERENCES architectures, -- the candidate
        value REAL, -- higher is better; NULL if it could not be scored
        failure TEXT, -- why not
        PRIMARY KEY (trial, position)
    ) WITHOUT ROWID""")
    db.execute("CREATE INDEX scores_architecture ON scores (architecture)")


def m004_front(db: Database) -> None:
    """The Pareto front of every study, and the files that are kept for the trials on it."""
    db.execute("""
    CREATE TABLE front ( -- feasible complete trials that no other of their study dominates
        trial INTEGER PRIMARY KEY REFERENCES trials ON DELETE CASCADE,
        study INTEGER NOT NULL REFERENCES studies ON DELETE CASCADE
    )""")
    db.execute("CREATE INDEX front_study ON front (study)")
    db.execute("""
    CREATE TABLE artifacts ( -- files in the folder next to the archive, named by their content
        trial INTEGER NOT NULL REFERENCES trials ON DELETE CASCADE,
        kind TEXT NOT NULL, -- 'weights': the trained network, safetensors
        sha256 TEXT NOT NULL, -- of the content, 64 hexadecimal digits
        bytes INTEGER NOT NULL,
        PRIMARY KEY (trial, kind)
    ) WITHOUT ROWID""")
    db.execute("CREATE INDEX artifacts_sha256 ON artifacts (sha256)")


def m005_sessions(db: Database) -> None:
    """Who has run a study when, what was lost on the way, and which evaluations can be reused."""
    db.execute("""
    CREATE TABLE sessions ( -- one run of a search; a study that went on has several
        id INTEGER PRIMARY KEY,
        study INTEGER NOT NULL REFERENCES studies ON DELETE CASCADE,
        began REAL NOT NULL, -- Unix time
        heartbeat REAL NOT NULL, -- Unix time of the last sign of life
        ended REAL, -- Unix time; NULL until it ends, or the next one finds that it was killed
        status TEXT NOT NULL
            CHECK (status IN ('running', 'finished', 'interrupted', 'failed', 'killed')),
        reason TEXT NOT NULL, -- why it ended, in words
        host TEXT NOT NULL, -- machine of the driver
        pid INTEGER NOT NULL, -- process of the driver
        state TEXT NOT NULL -- JSON object: what ran where at the last heartbeat
    )""")
    db.execute("CREATE INDEX sessions_study ON sessions (study, id)")
    db.execute("""
    CREATE TABLE incidents ( -- failures of machines; what they met has run again
        id INTEGER PRIMARY KEY,
        session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
        at REAL NOT NULL, -- Unix time at which the driver noticed
        kind TEXT NOT NULL, -- node, worker, network, version, storage
        message TEXT NOT NULL,
        number INTEGER, -- of the trial that it met, if any
        worker TEXT NOT NULL -- machine and process, as far as they are known
    )""")
    db.execute("CREATE INDEX incidents_session ON incidents (session)")
    db.execute("ALTER TABLE trials ADD COLUMN reused INTEGER REFERENCES trials")
    db.execute("ALTER TABLE trials ADD COLUMN told INTEGER")
    db.execute("ALTER TABLE studies ADD COLUMN evaluation TEXT NOT NULL DEFAULT ''")
    db.execute("CREATE INDEX trials_reused ON trials (reused) WHERE reused IS NOT NULL")
