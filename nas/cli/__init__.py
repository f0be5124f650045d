"""The command line: Typer and Rich on top of everything else; one file a command group."""
