"""The archive in a browser: pages that Datasette serves, read-only; see ``docs/ui.md``."""
