"""`steadyface models list|fetch|verify|thresholds`."""

from __future__ import annotations

import click

from steadyface.cli import options
from steadyface.cli.render import print_json
from steadyface.cli.status import Status
from steadyface.matching.calibration import DecisionRule, load_calibration
from steadyface.models.catalog import load_catalog
from steadyface.models.graphs import verify_graph
from steadyface.models.store import FileState, default_store

#: Of `models thresholds --json`, see docs/results.md.
THRESHOLDS_SCHEMA = "steadyface/thresholds/1"
#: Status of a model whose graph holds its weights: there is nothing to fetch.
PACKAGED = "packaged"


@click.group("models")
def command() -> None:
    """List, fetch and verify models, and show their thresholds."""


@command.command("list")
@options.json_option
def list_models(as_json: bool) -> None:
    """The models of the catalog, and whether their weights are here."""
    catalog, store = load_catalog(), default_store()
    rows = [
        {
            "id": entry.id,
            "role": entry.role,
            "default": entry.default,
            "licence": entry.licence,
            "weights": entry.weights,
            "status": PACKAGED
            if entry.weights is None
            else store.verify(catalog.weight_file(entry.weights)).value,
        }
        for entry in catalog.models
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        star = "*" if row["default"] else " "
        click.echo(f"{star} {row['id']:<14} {row['role']:<13} {row['licence']:<11} {row['status']}")


@command.command("fetch")
@click.argument("ids", nargs=-1)
@options.json_option
def fetch(ids: tuple[str, ...], as_json: bool) -> None:
    """Fetch the weights of the named models, or of all, into the cache."""
    catalog, store = load_catalog(), default_store()
    entries = [catalog.model(model_id) for model_id in ids] if ids else catalog.models
    rows = []
    for entry in entries:
        path = None
        if entry.weights is not None:
            path = str(store.ensure(catalog.weight_file(entry.weights)))
        rows.append({"id": entry.id, "path": path})
        if not as_json:
            click.echo(f"{entry.id}: {path if path is not None else 'packaged, nothing to fetch'}")
    if as_json:
        print_json(rows)


@command.command("verify")
@options.json_option
@click.pass_context
def verify(ctx: click.Context, as_json: bool) -> None:
    """Check weights, cached and packaged, against their SHA-256; status 1 if any is not right."""
    catalog, store = load_catalog(), default_store()
    states = {file.name: store.verify(file) for file in catalog.weight_files}
    states |= {
        entry.graph: verify_graph(entry, catalog)
        for entry in catalog.models
        if entry.weights is None
    }
    if as_json:
        print_json([{"weights": name, "status": state.value} for name, state in states.items()])
    else:
        for name, state in states.items():
            click.echo(f"{name}: {state}")
    if any(state is not FileState.OK for state in states.values()):
        ctx.exit(Status.NO)


@command.command("thresholds")
@click.option("--model", "network", metavar="NAME", help="Face network.  [default: the default]")
@click.option(
    "--fmr",
    "rates",
    type=float,
    multiple=True,
    help="False match rate; may be given again.  [default: 0.1 down to the lowest that the "
    "calibration data can support, by tens]",
)
@options.json_option
def thresholds(network: str | None, rates: tuple[float, ...], as_json: bool) -> None:
    """Similarity from which two faces match, by false match rate.

    With the interval in which it would lie, 19 times of 20, with other people in the calibration
    data, and thresholds against templates of 2, 3, and 4 or more references.
    """
    calibration = load_calibration(load_catalog().choose("face-network", network).id)
    lowest, highest = calibration.rates
    tens = [rate for rate in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6) if lowest <= rate <= highest]
    rules = [calibration.rule(rate) for rate in rates or tens]
    if as_json:
        print_json(
            {
                "schema": THRESHOLDS_SCHEMA,
                "model": calibration.model_id,
                "calibration": calibration.id,
                "supports": [lowest, highest],
                "thresholds": [
                    {"fmr": r.fmr, "by_references": r.by_references, "interval": r.interval}
                    for r in rules
                ],
            }
        )
        return
    click.echo(f"{calibration.id}, FMR {lowest:g} to {highest:g}")
    for rule in rules:
        click.echo(_line(rule))


def _line(rule: DecisionRule) -> str:
    span = "[interval not measured]"
    if rule.interval is not None:
        span = f"[{rule.interval[0]:.3f} to {rule.interval[1]:.3f}]"
    more = ", ".join(f"{value:.3f}" for value in rule.by_references[1:])
    after = f"  with more references {more}" if more else ""
    return f"FMR {rule.fmr:<8g} {rule.threshold:.3f} {span}{after}"
