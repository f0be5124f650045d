"""A space of any decisions, for tests that build no networks."""

from __future__ import annotations

from nas.testing.fakes import Decided as Decided
