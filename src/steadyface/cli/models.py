"""`steadyface models list|fetch|verify`."""

from __future__ import annotations

import click

from steadyface.cli import options
from steadyface.cli.render import print_json
from steadyface.cli.status import Status
from steadyface.models.catalog import load_catalog
from steadyface.models.store import FileState, default_store


@click.group("models")
def command() -> None:
    """List, fetch and verify models."""


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
            "status": store.verify(catalog.weight_file(entry.weights)).value,
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
        path = store.ensure(catalog.weight_file(entry.weights))
        rows.append({"id": entry.id, "path": str(path)})
        if not as_json:
            click.echo(f"{entry.id}: {path}")
    if as_json:
        print_json(rows)


@command.command("verify")
@options.json_option
@click.pass_context
def verify(ctx: click.Context, as_json: bool) -> None:
    """Check the cached weights against the catalog's SHA-256; status 1 if any is not right."""
    catalog, store = load_catalog(), default_store()
    rows = [
        {"weights": file.name, "status": store.verify(file).value} for file in catalog.weight_files
    ]
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            click.echo(f"{row['weights']}: {row['status']}")
    if any(row["status"] != FileState.OK for row in rows):
        ctx.exit(Status.NO)
