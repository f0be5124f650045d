"""Built-in search space."""
