"""Strategies against each other and against random search: many seeds, on tables, one archive."""
