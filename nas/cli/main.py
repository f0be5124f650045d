"""The ``nas`` command."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from nas.cli import (
    archives,
    benchmark,
    compare,
    curves,
    doctor,
    export,
    front,
    importing,
    merge,
    new_plugin,
    plot,
    plugins,
    predict,
    rank,
    report,
    reproduce,
    savings,
    score,
    search,
    show,
    spaces,
    status,
    test,
    train,
    ui,
    vacuum,
)
from nas.cli.options import INTERRUPTED
from nas.errors import NASError
from nas.text import one_line

DEBUG = "NAS_DEBUG"
"""Set it to see the traceback of an error."""


class _Commands(TyperGroup):
    """The built-in commands; those of plugins join when they are asked for."""

    _extended = False

    def list_commands(self, ctx: Any) -> list[str]:
        self._extend()
        return super().list_commands(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.commands:
            self._extend()
        return super().get_command(ctx, cmd_name)

    def _extend(self) -> None:
        if self._extended:
            return
        self._extended = True
        from nas.cli.extensions import plugin_commands

        found, problems = plugin_commands(set(self.commands))
        self.commands.update(found)
        for problem in problems:
            sys.stderr.write(f"Warning: {problem}\n")


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from nas import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _nas(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Find networks worth training without training them all."""


app.command()(search.search)
app.command()(search.resume)
app.command()(status.status)
app.command()(front.front)
app.command()(archives.trials)
app.command()(show.show)
app.command()(archives.query)
app.command()(archives.studies)
app.command()(compare.compare)
app.command()(savings.savings)
app.add_typer(plot.app, name="plot")
app.command()(report.report)
app.command()(ui.ui)
app.command()(train.train)
app.command("test")(test.on_test_split)
app.command()(reproduce.reproduce)
app.command()(export.export)
app.command("import")(importing.import_trials)
app.command()(merge.merge)
app.command()(vacuum.vacuum)
app.command()(doctor.doctor)
app.command()(spaces.space)
app.command()(score.score)
app.command()(rank.rank)
app.command()(predict.predict)
app.command()(curves.train_prior)
app.command()(benchmark.benchmark)
app.add_typer(plugins.app, name="plugins")
app.command("new-plugin")(new_plugin.new_plugin)


def main() -> int:
    """Run the command line; return the exit code.

    0 is success, 1 a reader of the output that went away, findings of ``nas doctor`` or numbers
    that do not agree (``nas reproduce``), 2 an error that is told in one line (``NAS_DEBUG=1``
    shows the traceback), 130 an interrupt.
    """
    _never_fail_on_encoding()
    try:
        code = _run()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _run() -> int:
    try:
        typer.main.get_command(app).main(prog_name="nas")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except BrokenPipeError:
        raise
    except (NASError, OSError) as error:  # what a user can do something about
        if os.environ.get(DEBUG):
            traceback.print_exception(error)
        sys.stderr.write(f"Error: {one_line(error)}\n")
        return 2
    return 0


def _never_fail_on_encoding() -> None:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
