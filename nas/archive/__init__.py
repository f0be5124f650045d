"""The archive: one SQLite file with every trial, and weights of the front's networks beside it.

``Archive`` reads; ``nas.archive.writer.Writer`` writes, in the driver of a search.
"""

from nas.archive.reader import Archive

__all__ = ["Archive"]
