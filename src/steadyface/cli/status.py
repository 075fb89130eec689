"""Exit statuses, the same for every verb."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import click

from steadyface.errors import SteadyfaceError


class Status(IntEnum):
    """What the exit status of a command says."""

    DONE = 0
    NO = 1
    WRONG_USE = 2
    UNREADABLE = 3


def report_errors(errors: Sequence[SteadyfaceError]) -> None:
    """Name every failed input on standard error."""
    for error in errors:
        click.echo(f"steadyface: {error}", err=True)
