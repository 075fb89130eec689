"""`steadyface gallery new-key|rotate-key`: keys of encrypted galleries."""

from __future__ import annotations

from pathlib import Path

import click

from steadyface.cli import options
from steadyface.cli.galleries import opened, references
from steadyface.cli.render import print_json
from steadyface.errors import UsageError
from steadyface.gallery import Gallery, open_gallery
from steadyface.gallery.keys import (
    FILE_VARIABLE,
    KEY_VARIABLE,
    NO_KEY,
    NotEncryptedError,
    holds_key,
    new_key,
    not_for_this_store,
    read_key_file,
    write_new_key,
)


def _path(ctx: click.Context, parameter: click.Parameter, text: str | None) -> Path | None:
    """The path of a key; a key in its place is refused and not repeated."""
    if text is not None and holds_key(text):
        raise UsageError(
            f"{parameter.get_error_hint(ctx)} holds a key, not a path; give the path of a file, "
            f"and a key that is in use as {KEY_VARIABLE}"
        )
    return None if text is None else Path(text)


@click.command("new-key")
@click.argument("file", type=click.Path(), callback=_path, required=False)
@options.json_option
def make_key(file: Path | None, as_json: bool) -> None:
    """Make a random key for encrypted galleries, in a new FILE that only this user may read.

    Without FILE it is printed. Whoever loses the key loses the gallery: keep a copy elsewhere.
    """
    if file is None:
        key = new_key()
        if as_json:
            print_json({"key": key})
        else:
            click.echo(key)
        return
    write_new_key(file)
    if as_json:
        print_json({"file": str(file)})
    else:
        click.echo(f"{file}: a new key; set {FILE_VARIABLE} to its path, and keep a copy elsewhere")


@click.command("rotate-key")
@click.option(
    "--new-key-file",
    type=click.Path(),
    callback=_path,
    metavar="FILE",
    help="The key to be, as `gallery new-key FILE` makes it.",
)
@click.option("--to-plain", is_flag=True, help="Take the encryption away instead.")
@options.gallery_option
@options.json_option
def rotate_key(new_key_file: Path | None, to_plain: bool, gallery_url: str, as_json: bool) -> None:
    """Encrypt a gallery under another key, or a plain one for the first time.

    The present key comes from the environment, as always. All is written anew by one change, and
    what was written before is erased from the file; copies and backups keep the old key.
    """
    from steadyface.gallery.sqlite import SqliteGallery  # noqa: PLC0415 (a driver)

    if (new_key_file is None) == (not to_plain):
        raise click.UsageError("Give either --new-key-file or --to-plain.")
    key = None if new_key_file is None else read_key_file(new_key_file)
    with _opened(gallery_url) as gallery:
        if not isinstance(gallery, SqliteGallery):
            raise not_for_this_store("rotate-key")
        if key is None:
            gallery.to_plain()
        else:
            gallery.rotate(key)
        location, held = gallery.location, gallery.count().references
    if as_json:
        print_json({"gallery": location, "encrypted": not to_plain, "references": held})
    else:
        now = "not encrypted any more" if key is None else f"encrypted under {new_key_file}"
        click.echo(f"{location}: {references(held)} {now}")


def _opened(gallery_url: str) -> Gallery:
    try:
        return opened(gallery_url, "write")
    except NotEncryptedError:  # the key in the environment is already the one to be
        return open_gallery(gallery_url, model_id=None, mode="write", key=NO_KEY)


#: What the group takes from here.
COMMANDS = (make_key, rotate_key)
