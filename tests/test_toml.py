"""Configs as TOML: reading them again gives the same."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.config import Config
from nas.documents import to_toml
from nas.errors import ConfigError

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = TEXT | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
PLAIN = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(TEXT, PLAIN))
def test_read_again_it_is_the_same(values: dict[str, Any]) -> None:
    assert tomllib.loads(to_toml(values)) == values


def test_what_is_none_or_empty_is_left_out() -> None:
    values = {"a": None, "b": {}, "c": {"d": None}, "e": [{"f": 1, "g": None}]}
    assert tomllib.loads(to_toml(values)) == {"e": [{"f": 1}]}


def test_a_config_is_the_same_config() -> None:
    config = Config.load(Path(__file__).parents[1] / "examples/digits.toml")
    assert Config.parse(tomllib.loads(to_toml(config.to_dict()))) == config


def test_what_toml_does_not_have() -> None:
    with pytest.raises(ConfigError, match="TOML has no object"):
        to_toml({"a": object()})
