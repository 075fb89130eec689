"""`steadyface compare FIRST SECOND`."""

from __future__ import annotations

from pathlib import Path

import click

from steadyface.cli import options
from steadyface.cli.render import print_json
from steadyface.evaluation.robustness.compare import SCHEMA, Row, compare
from steadyface.evaluation.robustness.run import read_robustness


@click.command("compare")
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@options.json_option
def command(first: Path, second: Path, as_json: bool) -> None:
    """Did the second result improve on the first, where, and is it noise?

    Both are robustness.json files of `steadyface evaluate robustness` on the same data. Right
    decisions are compared one by one: McNemar's exact test where each is about another person,
    else a permutation test that keeps a person's decisions together; Holm's correction for the
    number of conditions.
    """
    a, b = read_robustness(first), read_robustness(second)
    rows = compare(a, b)
    if as_json:
        models = {"first": a.made_by.get("model"), "second": b.made_by.get("model")}
        print_json({"schema": SCHEMA, **models, "rows": [row.as_json() for row in rows]})
        return
    click.echo(f"{'condition':<12} {'right, %':>15} {'difference':>24} {'p':>8}")
    for row in rows:
        click.echo(_line(row))


def _line(row: Row) -> str:
    span = ""
    if row.interval is not None:
        span = f" ({100 * row.interval[0]:+.1f} to {100 * row.interval[1]:+.1f})"
    return (
        f"{row.condition:<12} {100 * row.first:>6.1f} {100 * row.second:>8.1f} "
        f"{f'{100 * row.difference:+.1f}{span}':>24} {row.p_together:>8.3g}  {row.verdict}"
    )
