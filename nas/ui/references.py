"""What Datasette 0.65 has to be helped with: keys that refer to a table without naming a column.

``REFERENCES studies`` means the primary key of ``studies``. SQLite then lists no column, and
Datasette answers with an error where it expects one.
"""

from __future__ import annotations

from typing import Any


def name_columns(database: Any) -> None:
    """Have one of Datasette's databases tell the column of every foreign key."""
    outbound, everything = database.foreign_keys_for_table, database.get_all_foreign_keys

    async def foreign_keys_for_table(table: str) -> list[dict[str, Any]]:
        found = await outbound(table)
        return [await _named(database, key, "other_column", key["other_table"]) for key in found]

    async def get_all_foreign_keys() -> dict[str, dict[str, list[dict[str, Any]]]]:
        return {
            table: {
                "incoming": [await _named(database, k, "column", table) for k in keys["incoming"]],
                "outgoing": [
                    await _named(database, k, "other_column", k["other_table"])
                    for k in keys["outgoing"]
                ],
            }
            for table, keys in (await everything()).items()
        }

    database.foreign_keys_for_table = foreign_keys_for_table
    database.get_all_foreign_keys = get_all_foreign_keys


async def _named(database: Any, key: dict[str, Any], field: str, table: str) -> dict[str, Any]:
    if key[field] is not None:
        return key
    primary = await database.primary_keys(table)
    return {**key, field: primary[0] if len(primary) == 1 else "rowid"}
