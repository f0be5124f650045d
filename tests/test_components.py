"""Components by name, and the parameters they are built with."""

from __future__ import annotations

import pytest

from nas import Component, ComponentError
from nas.components import Registered, Registry


def build(size: int = 1) -> int:
    """Stand for any component."""
    return size


def registry(*owned: tuple[str, str], build: object = build) -> Registry:
    """Return proxies given as ``(plugin, name)``."""
    items = [Registered(Component(name, build, "s"), owner, "dist", "1") for owner, name in owned]
    return Registry("proxy", items)


class TestComponent:
    @pytest.mark.parametrize("name", ["x", "nas201", "grad_sign", "one-cycle-2"])
    def test_good_name(self, name: str) -> None:
        assert Component(name, build, "s").name == name

    @pytest.mark.parametrize("name", ["", "X", "a:b", "a b", "_a", "a_", "a__b", "2a", "é", "a\n"])
    def test_bad_name(self, name: str) -> None:
        with pytest.raises(ComponentError, match="use lower-case words"):
            Component(name, build, "s")

    @pytest.mark.parametrize("what", [3, None, dict], ids=["number", "none", "no signature"])
    def test_bad_build(self, what: object) -> None:
        with pytest.raises(ComponentError, match="component 'x': build must be a function"):
            Component("x", what, "s")


class TestNames:
    def test_short_and_full(self) -> None:
        both = registry(("a", "synflow"), ("b", "snip"))
        assert both.find("synflow") is both.find("a:synflow")
        assert both.find("snip").full_name == "b:snip"
        assert both.names() == ["snip", "synflow"]
        assert [item.full_name for item in both] == ["b:snip", "a:synflow"]

    def test_full_names_tell_apart(self) -> None:
        both = registry(("a", "synflow"), ("b", "synflow"))
        assert [both.find(f"{plugin}:synflow").plugin for plugin in "ab"] == ["a", "b"]
        with pytest.raises(ComponentError) as caught:
            both.find("synflow")
        assert "proxy 'synflow' is ambiguous; write one of: a:synflow, b:synflow" in str(
            caught.value
        )

    @pytest.mark.parametrize(
        ("ref", "message"),
        [
            ("synflwo", "Did you mean 'synflow'?"),
            ("c:synflow", "no proxy named 'c:synflow'. Did you mean 'synflow'?"),
            ("a:snipp", "Did you mean 'snip'?"),
            ("zzzzzz", "named 'zzzzzz'. Registered: snip, synflow."),
            ("", "Registered: snip, synflow."),
        ],
    )
    def test_unknown_says_what_would_have_worked(self, ref: str, message: str) -> None:
        with pytest.raises(ComponentError) as caught:
            registry(("a", "synflow"), ("b", "snip")).find(ref)
        assert message in str(caught.value)

    def test_empty(self) -> None:
        with pytest.raises(ComponentError, match="Registered: none"):
            registry().find("synflow")

    def test_twice_by_one_plugin(self) -> None:
        with pytest.raises(ComponentError, match="plugin 'a' registers proxy 'x' twice"):
            registry(("a", "x"), ("a", "x"))


class TestParameters:
    def test_bound(self) -> None:
        assert registry(("a", "x")).build("x", {"size": 5}) == 5
        assert registry(("a", "x")).build("a:x", {}) == 1

    def test_unknown(self) -> None:
        with pytest.raises(ComponentError) as caught:
            registry(("a", "x")).build("x", {"sise": 5})
        text = str(caught.value)
        assert "proxy 'x'" in text
        assert "'sise'" in text
        assert "Did you mean 'size'? It takes (size=1)." in text

    def test_missing(self) -> None:
        def needs(path: str, scale: object = dict) -> None: ...

        with pytest.raises(ComponentError, match=r"proxy 'x'.*'path'.*\(path, scale=\.\.\.\)"):
            registry(("a", "x"), build=needs).build("x", {})

    @pytest.mark.parametrize("error", [TypeError, ValueError])
    def test_refused_by_the_component(self, error: type[Exception]) -> None:
        def picky(size: int) -> None:
            raise error(f"size must be odd, not {size}")

        with pytest.raises(ComponentError, match="proxy 'x': size must be odd, not 2"):
            registry(("a", "x"), build=picky).build("x", {"size": 2})
