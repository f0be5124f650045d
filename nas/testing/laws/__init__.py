"""The laws of each kind of component, a module a kind."""
