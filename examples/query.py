"""What an archive can tell, cell by cell: a notebook as plain Python (VS Code, Jupytext, Spyder).

It begins with a search of its own, table.toml, which looks results up in a table of trained
networks; all of it takes seconds. The last cell needs pandas (``pip install 'plugnas[pandas]'``)
and says so without it.

    python examples/query.py
"""

# %% An archive to look at
from pathlib import Path

import nas

TABLE = Path(__file__).with_name("table.toml")
result = nas.search(TABLE, archive="query.db")
print(result.reason)

# %% The front: what no other trial beats
archive = nas.Archive("query.db")
for trial in archive.front():
    print(f"trial {trial.id}: error {trial.metrics['error']:.4f}")

# %% The same networks by other objectives than those of the search
for trial in archive.front(objectives=["error", "params"]):
    print(f"trial {trial.id}: error {trial.metrics['error']:.4f}, {trial.metrics['params']:,.0f}")

# %% Trials by conditions: any SQL expression over their metrics
good = archive.trials(where="error < 0.2 AND params < 6000", order_by="params", limit=5)
print("below an error of 20 % and 6,000 parameters:", [trial.id for trial in good])

# %% One trial: its curve, and the trials that it was made from
best = min(archive.trials(), key=lambda trial: trial.losses)
print("learning curve:", [round(point.metrics["error"], 3) for point in archive.curve(best.id)])
print("ancestors:", [ancestor.trial.number for ancestor in archive.lineage(best.id)])

# %% SQL: how the best error fell while the search went on
columns, rows = archive.query(
    """SELECT number, error FROM (
        SELECT number, error, min(error) OVER (ORDER BY number) AS best FROM trials_wide)
    WHERE error = best GROUP BY error ORDER BY number"""
)
print(columns, *rows, sep="\n")

# %% pandas: a row a trial, a column a metric and a decision
try:
    table = archive.to_pandas()
except nas.ArchiveError as error:
    print(error)
else:
    print(table.groupby("decision_edge_0_3")["error"].agg(["count", "mean", "min"]).round(4))

# %%
archive.close()
