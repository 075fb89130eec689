"""Exit statuses, the same for every verb."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import click

from steadyface.errors import SteadyfaceError


class Status(IntEnum):
    """What the exit status of a command says.

    The last two are the shell's own numbers for a program that a signal ended (128 + signal): a
    command that was cut short has not answered 'no'.
    """

    DONE = 0
    NO = 1
    WRONG_USE = 2
    UNREADABLE = 3
    INTERRUPTED = 130
    NOBODY_READS = 141


def report_errors(errors: Sequence[SteadyfaceError]) -> None:
    """Name every failed input on standard error."""
    for error in errors:
        click.echo(f"steadyface: {error}", err=True)
