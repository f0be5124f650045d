"""Licences in their standard wording."""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from string import Template

from nas.errors import ConfigError
from nas.suggest import did_you_mean

NONE = "none"
DEFAULT = "Apache-2.0"
LICENCES = (DEFAULT, "BSD-3-Clause", "MIT", NONE)
"""SPDX identifiers, and none."""


def checked(licence: str) -> str:
    """Return the identifier as it is spelt; case does not count.

    Raises:
        ConfigError: it is none of ``LICENCES``.
    """
    for known in LICENCES:
        if licence.casefold() == known.casefold():
            return known
    family = [
        known for known in LICENCES if licence and known.casefold().startswith(licence.casefold())
    ]
    hint = f" Did you mean {family[0]!r}?" if family else did_you_mean(licence, LICENCES)
    raise ConfigError(
        f"--licence {licence!r} is not known here.{hint} "
        f"There are {', '.join(LICENCES)}; with 'none' you add your own."
    )


def text(licence: str, author: str) -> str:
    """Return the full text; Apache-2.0 names nobody."""
    source = files("nas.scaffold").joinpath("licences", f"{licence}.txt").read_text("utf-8")
    return Template(source).substitute(year=date.today().year, author=author)
