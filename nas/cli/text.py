"""Names and numbers as people read them; see ``nas.text``."""

from nas.text import MISSING, count, duration, number, numbers, one_line, plain, sparkline

__all__ = [
    "MISSING",
    "count",
    "duration",
    "number",
    "numbers",
    "one_line",
    "plain",
    "sparkline",
]
