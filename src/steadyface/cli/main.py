"""The command group; a verb's file is imported only when the verb is run."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from steadyface._version import __version__
from steadyface.cli.status import Status
from steadyface.errors import ImageError, SteadyfaceError

#: Verb -> one line of help; the verb's command is `command` in `steadyface.cli.VERB`.
COMMANDS = {
    "gender": "Gender of the faces in images.",
    "verify": "Are these two images the same person?",
    "enroll": "Enrol people from folders into a gallery.",
    "match": "Match images against a gallery.",
    "distort": "Make distorted copies of images.",
    "evaluate": "Measure on labelled folders.",
    "models": "List, fetch and verify models.",
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order of the help page."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a verb; None for an unknown one."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"steadyface.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="steadyface")
def cli() -> None:
    """Gender classification and face matching that stay useful when the images are bad.

    Exit status: 0 done, 1 the answer is 'no', 2 wrong use, 3 some inputs could not be read (each
    is named on standard error, the rest is done).
    """


def main() -> None:
    """Run the command; errors raised on purpose become one line and an exit status."""
    try:
        cli(prog_name="steadyface")
    except ImageError as error:
        click.echo(f"steadyface: {error}", err=True)
        sys.exit(Status.UNREADABLE)
    except SteadyfaceError as error:
        click.echo(f"steadyface: {error}", err=True)
        sys.exit(Status.WRONG_USE)
