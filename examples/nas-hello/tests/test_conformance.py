"""The plugin keeps the promises of its components' kinds; plugnas brings component and check."""


def test_conformance(component, check):
    check(component)
