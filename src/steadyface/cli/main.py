"""The command group; a verb's file is imported only when the verb is run."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from typing import NoReturn

import click

from steadyface._version import __version__
from steadyface.cli.status import Status
from steadyface.errors import ImageError, SteadyfaceError

#: Verb -> one line of help; the verb's command is `command` in `steadyface.cli.VERB`.
COMMANDS = {
    "detect": "Find the faces in images.",
    "gender": "Gender of the faces in images.",
    "verify": "Are these two images the same person?",
    "enroll": "Enrol people from folders or a CSV into a gallery.",
    "match": "Match images against a gallery.",
    "gallery": "Look after a gallery and the people in it.",
    "distort": "Make distorted copies of images.",
    "evaluate": "Measure on labelled folders.",
    "compare": "Set two robustness results side by side.",
    "train": "Train on your own folders.",
    "models": "List, fetch and verify models; their thresholds.",
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

    def invoke(self, ctx: click.Context) -> object:
        """Run the verb; it ends quietly when nobody reads its output any more, as in `| head`."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _drop_output()
            ctx.exit(Status.NOBODY_READS)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="steadyface")
def cli() -> None:
    """Gender classification and face matching that stay useful when the images are bad.

    Exit status: 0 done, 1 the answer is 'no', 2 wrong use, 3 some inputs could not be read (each
    is named on standard error, the rest is done).
    """


def main() -> None:
    """Run the command; errors raised on purpose become one line and an exit status."""
    _print_any_path()
    try:
        # Not click's standalone mode, in which Ctrl-C gives status 1: the answer 'no'.
        sys.exit(cli.main(prog_name="steadyface", standalone_mode=False) or Status.DONE)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        _fail("interrupted", Status.INTERRUPTED)
    except ImageError as error:
        _fail(str(error), Status.UNREADABLE)
    except SteadyfaceError as error:
        _fail(str(error), Status.WRONG_USE)
    except OSError as error:
        if error.filename is None:
            _drop_output()
            why = f"standard output: cannot be written ({error.strerror}); choose another place"
            _fail(why, Status.WRONG_USE)
        _fail(
            f"{error.filename}: {error.strerror}; check the path and its permissions",
            Status.WRONG_USE,
        )


def _fail(message: str, status: Status) -> NoReturn:
    click.echo(f"steadyface: {message}", err=True)
    sys.exit(status)


def _print_any_path() -> None:
    """Let file names that the terminal's encoding lacks be printed, with escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """Send what Python still holds for standard output nowhere: writing it would fail once more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
