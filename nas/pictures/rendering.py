"""Pictures into files: PNG, PDF and SVG by Kaleido, HTML that needs nothing else."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nas.errors import ConfigError, NASError
from nas.pictures.figure import Figure
from nas.suggest import listed

FORMATS = (".html", ".pdf", ".png", ".svg")
SCALE = 2
"""Pixels of a PNG for each of the figure's."""
PATIENCE = 5.0
"""Seconds that Kaleido has to end."""

_EXTRA = "a picture needs plotly and kaleido: pip install 'plugnas[plot]'"


def check_picture(path: str | Path) -> None:
    """Refuse before anything is computed what could not be drawn after it.

    Raises:
        ConfigError: plotly or kaleido are not installed, or the file cannot be one.
    """
    file = Path(path)
    if file.suffix.lower() not in FORMATS:
        raise ConfigError(f"picture {str(path)!r}: the name must end in one of {listed(FORMATS)}")
    check_folder(file, "picture")
    plotly_js()
    if file.suffix.lower() != ".html":
        _scope_class()


def check_folder(file: Path, what: str) -> None:
    """Refuse a file whose folder there is not. Raises ``ConfigError``."""
    if not file.absolute().parent.is_dir():
        raise ConfigError(f"{what} {str(file)!r}: there is no folder {str(file.parent)!r}")


def plotly_js() -> Path:
    """Return the script that draws figures. Raises ``ConfigError`` if plotly is not installed."""
    from importlib.util import find_spec

    try:
        found = find_spec("plotly")
    except ValueError:  # it is being hidden
        found = None
    if found is None or found.origin is None:
        raise ConfigError(_EXTRA)
    return Path(found.origin).parent / "package_data" / "plotly.min.js"


def write(figure: Figure, path: str | Path) -> None:
    """Draw a figure into a file; its ending says in which format.

    Raises:
        ConfigError: as ``check_picture``.
        NASError: Kaleido cannot draw it.
    """
    check_picture(path)
    file = Path(path)
    ending = file.suffix.lower()
    if ending == ".html":
        from nas.pictures.page import figure_page

        file.write_text(figure_page(figure), encoding="utf-8")
    elif ending == ".svg" and figure.svg is not None:
        file.write_text(figure.svg, encoding="utf-8")
    else:
        file.write_bytes(_drawn(figure, ending.removeprefix(".")))


def _drawn(figure: Figure, format_: str) -> bytes:
    with _kaleido() as scope:
        try:
            drawn = scope.transform(
                figure.document(),
                format=format_,
                width=figure.width,
                height=figure.height,
                scale=SCALE if format_ == "png" else 1,
            )
        except ValueError as error:  # what Kaleido raises when its browser fails
            raise NASError(f"Kaleido could not draw {figure.name!r}: {error}") from None
    return bytes(drawn)


def _scope_class() -> Any:
    try:
        from kaleido.scopes.plotly import PlotlyScope
    except ImportError:
        raise ConfigError(_EXTRA) from None
    return PlotlyScope


@contextmanager
def _kaleido() -> Iterator[Any]:
    """Start Kaleido's own browser, and end it. It is given plotly's script: it finds no other."""

    class Scope(_scope_class()):  # type: ignore[misc]
        """One whose reader of errors ends with the process, not some time after it."""

        def _collect_standard_error(self) -> None:
            for line in self._proc.stderr:
                self._std_error.write(line)

    scope = Scope(plotlyjs=str(plotly_js()), mathjax=None, topojson=None)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "setDaemon", DeprecationWarning)
            yield scope
    finally:
        _end(scope)


def _end(scope: Any) -> None:
    import subprocess

    process = scope._proc
    if process is None:
        return
    process.stdin.close()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    scope._std_error_thread.join()
    process.stdout.close()
    process.stderr.close()
    scope._proc = None
