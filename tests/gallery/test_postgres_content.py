"""What is in the tables, what stays in their files, and tables of other versions."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import numpy as np
import pytest
from benchmarks.postgres_server import Server, raw_postgres
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.colours import ColourFinder, ColourNetwork
from tests.gallery.shared import (
    MODEL,
    MakeReferences,
    erasing_is_due,
    place_of,
    postgres_files,
    unit,
)

from steadyface.cli.main import cli
from steadyface.errors import GalleryError, GalleryLockedError
from steadyface.gallery import Duplicate, Gallery, codec, open_gallery
from steadyface.gallery.postgres_connection import WireVector, from_wire
from steadyface.gallery.postgres_open import open_postgres
from steadyface.gallery.postgres_schema import MIGRATIONS
from steadyface.gallery.versions import Migration
from steadyface.models.catalog import load_catalog
from steadyface.types import Embedding, Reference


@pytest.fixture
def opened(postgres_url: str) -> Iterator[Gallery]:
    with open_gallery(postgres_url, model_id=MODEL, mode="create") as gallery:
        yield gallery


@given(st.binary(min_size=4, max_size=64).filter(lambda b: len(b) % 4 == 0))
def test_numbers_pass_the_wire_exactly(vector: bytes) -> None:
    sent = WireVector.of(vector)
    assert struct.unpack(">HH", sent[:4]) == (len(vector) // 4, 0)
    assert from_wire(sent) == vector


def test_a_row_is_what_any_program_can_read(opened: Gallery, postgres_url: str) -> None:
    vector = np.array([0.6, -0.8], dtype=np.float32)
    metadata = {"camera": "été", "id": 12345678901234567890, "f": 1e-300, "a": [None, True]}
    opened.enroll("Ann", [Reference(Embedding(vector, MODEL), "a.jpg", metadata, 0.625)])
    with raw_postgres(postgres_url) as database:
        (row,) = database.execute(
            "SELECT model_id, source, metadata::text, quality, created_at, vector::text,"
            " metadata->>'f' FROM reference"
        ).fetchall()
        assert dict(database.execute("SELECT key, value FROM meta").fetchall()) == {
            "dimension": "2",
            "format": "float32-le",
            "model_id": MODEL,
            "revision": "1",
            "schema_version": str(len(MIGRATIONS)),
        }
    (stored,) = opened.references("Ann")
    assert row[:4] == (MODEL, "a.jpg", codec.encode_metadata(metadata, ""), 0.625)
    assert row[4].astimezone(UTC) == stored.enrolled_at
    assert row[5:] == ("[0.6,-0.8]", "1e-300")
    assert stored.metadata == metadata


def test_the_time_of_enrolment_has_microseconds(postgres_url: str) -> None:
    moment = datetime(2024, 5, 1, 10, 0, 0, 123457, tzinfo=UTC)
    with open_postgres(
        postgres_url.partition("://")[2],
        model_id=MODEL,
        mode="create",
        timeout=5,
        clock=lambda: moment,
    ) as gallery:
        gallery.enroll("Ann", [unit(1, 0)])
        assert gallery.references("Ann")[0].enrolled_at == moment
        assert gallery.identities()[0].enrolled_at == moment


@settings(max_examples=15, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ).filter(lambda value: "inf" not in repr(value))
)
def test_metadata_comes_back_as_from_json(shared_gallery: Gallery, value: object) -> None:
    vector = np.array([1, 0], dtype=np.float32)
    shared_gallery.enroll("Ann", [Reference(Embedding(vector, MODEL), "", {"value": value})])
    (stored,) = shared_gallery.references("Ann")
    assert stored.metadata == {"value": value}
    shared_gallery.rename("Ann", "gone")
    shared_gallery.remove("gone")


@pytest.fixture(scope="module")
def shared_gallery(postgres: Server) -> Iterator[Gallery]:
    with open_gallery(postgres.url("test_shared"), model_id=MODEL, mode="create") as gallery:
        yield gallery
    with raw_postgres(postgres.url()) as database:
        database.execute("DROP SCHEMA test_shared CASCADE")


def test_zero_and_minus_zero_are_two_images_as_in_sqlite(opened: Gallery) -> None:
    assert opened.enroll("Ann", [unit(1, 0.0), unit(1, -0.0)]).added == 2
    assert opened.enroll("Ben", [unit(1, -0.0, source="b")]).duplicates == (Duplicate("b", "Ann"),)
    assert np.signbit(opened.templates().vectors[:, 1]).tolist() == [False, True, True]


def test_galleries_of_one_database_do_not_meet(postgres: Server, postgres_url: str) -> None:
    other = postgres_url + "_2"
    with (
        open_gallery(postgres_url, model_id=MODEL, mode="create") as first,
        open_gallery(other, model_id="face-v2", mode="create") as second,
    ):
        first.enroll("Ann", [unit(1, 0)])
        assert second.count().identities == 0
        vector = np.array([1, 0, 0], dtype=np.float32)
        assert second.enroll("Ben", [Reference(Embedding(vector, "face-v2"))]).duplicates == ()
        assert first.templates().names == ("Ann",)
    with raw_postgres(other) as database:
        database.execute(f"DROP SCHEMA {place_of(other).gallery} CASCADE")


@pytest.mark.slow
def test_nothing_of_the_removed_stays_in_the_files(
    opened: Gallery, postgres: Server, postgres_url: str, make_references: MakeReferences
) -> None:
    gone, kept = make_references(100, dimension=128), make_references(100, dimension=128, seed=1)
    for number in range(10):
        opened.enroll(f"Gone with the wind {number}", gone[number::10])
        opened.enroll(f"Kept {number}", kept[number::10])
    marks = [reference.embedding.vector.tobytes() for reference in gone]
    with raw_postgres(postgres_url) as database:
        database.execute("ANALYZE")
    before = postgres_files(postgres)
    assert all(mark in before for mark in marks)
    opened.remove(*(f"Gone with the wind {number}" for number in range(10)))
    after = postgres_files(postgres)
    # Also no pieces of them.
    pieces = [mark[at : at + 32] for mark in marks for at in range(0, 512, 128)]
    assert not [piece for piece in pieces if piece in after]
    assert b"Gone with the wind" not in after
    assert kept[0].embedding.vector.tobytes() in after


def test_a_transaction_that_may_still_look_delays_erasing(postgres_url: str) -> None:
    with open_gallery(postgres_url, model_id=MODEL, mode="create", timeout=0.2) as gallery:
        gallery.enroll("Ann", [unit(1, 0)])
        with raw_postgres(postgres_url) as watcher, watcher.transaction():
            watcher.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            watcher.execute("SELECT 1")
            with pytest.raises(GalleryLockedError) as caught:
                gallery.remove("Ann")
            assert "'Ann' is removed all the same, but pieces may still be" in str(caught.value)
            assert gallery.count().identities == 0
            # Not in the way of anything else.
            open_gallery(postgres_url, model_id=MODEL, mode="write", timeout=0.2).close()
            assert erasing_is_due(postgres_url)
    open_gallery(postgres_url, model_id=MODEL, mode="write").close()
    assert not erasing_is_due(postgres_url)


def test_tables_of_a_newer_and_of_an_older_steadyface(postgres_url: str) -> None:
    rest = postgres_url.partition("://")[2]
    open_gallery(postgres_url, model_id=MODEL, mode="create").close()
    newest = len(MIGRATIONS)
    step = "ALTER TABLE reference ADD COLUMN camera text NOT NULL DEFAULT 'unknown'"
    quick = (*MIGRATIONS, Migration((step,), needed_to_read=False))
    needed = (*MIGRATIONS, Migration((step,)))
    with open_postgres(rest, model_id=MODEL, mode="read", timeout=5, migrations=quick) as gallery:
        assert gallery.stats().schema_version == newest
    with pytest.raises(GalleryError) as caught:
        open_postgres(rest, model_id=MODEL, mode="read", timeout=5, migrations=needed)
    assert str(caught.value) == (
        f"{place_of(postgres_url).location}: written by an older steadyface (schema version "
        f"{newest}, this one reads {newest + 1} and later); open it once for writing, which brings "
        "it up to date"
    )
    bad = (*MIGRATIONS, Migration((step, "SELECT 1 FROM nowhere")))
    with pytest.raises(GalleryError):
        open_postgres(rest, model_id=MODEL, mode="write", timeout=5, migrations=bad)
    with open_postgres(rest, model_id=None, mode="write", timeout=5, migrations=needed) as gallery:
        gallery.enroll("Ann", [unit(1, 0)])
        assert gallery.stats().schema_version == newest + 1
    with pytest.raises(GalleryError) as caught:
        open_gallery(postgres_url, model_id=MODEL, mode="create")
    assert str(caught.value) == (
        f"{place_of(postgres_url).location}: written by a newer steadyface (schema version "
        f"{newest + 1}, this one knows {newest}); upgrade steadyface"
    )


def test_vectors_of_another_format(opened: Gallery, postgres_url: str) -> None:
    with raw_postgres(postgres_url) as database:
        database.execute("UPDATE meta SET value = 'int8' WHERE key = 'format'")
    with pytest.raises(GalleryError, match="its vectors are written as 'int8', which this"):
        open_gallery(postgres_url, model_id=MODEL)


#: Every command with `--gallery` in an order in which each has something to do, and its arguments.
COMMANDS: dict[str, list[str]] = {
    "enroll": ["people"],
    "match": ["people/Ann/1.png"],
    "gallery list": [],
    "gallery show": ["Ann"],
    "gallery stats": [],
    "gallery check": [],
    "gallery audit": [],
    "gallery describe": ["Ann", "team=blue"],
    "gallery rename": ["Ben", "Zoe"],
    "gallery export": ["out.zip"],
    "gallery import": ["out.zip"],
    "gallery prune": ["--older-than", "1y"],
    "gallery re-embed": ["--images", "people"],
    "gallery remove-reference": ["Ann", "1"],
    "gallery remove": ["Ann"],
    "gallery rotate-key": ["--to-plain"],
}


def with_gallery(group: click.Group, before: str = "") -> Iterator[str]:
    """The words of every command that takes `--gallery`."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from with_gallery(command, f"{before}{name} ")
        elif any("--gallery" in parameter.opts for parameter in command.params):
            yield f"{before}{name}"


@pytest.mark.parametrize("as_json", [False, True])
def test_no_command_shows_the_password_of_the_url(
    postgres_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    paint: Callable[..., Path],
    as_json: bool,
) -> None:
    assert sorted(with_gallery(cli)) == sorted(COMMANDS)
    model = load_catalog().default("face-network").id
    monkeypatch.setattr("steadyface.pipeline.load_finder", lambda name, **_: ColourFinder())
    monkeypatch.setattr("steadyface.pipeline.load_network", lambda name: ColourNetwork(model))
    monkeypatch.chdir(tmp_path)
    for name, degrees in (("Ann", 0), ("Ben", 90)):
        paint(tmp_path / "people" / name / "1.png", degrees=degrees)
    url = postgres_url.replace("postgres@", "postgres:s3cret@")
    also = ["--json"] if as_json else []

    def run(command: str, url: str) -> Result:
        answer = CliRunner().invoke(
            cli, [*command.split(), *COMMANDS[command], "--gallery", url, *also]
        )
        assert "s3cret" not in f"{answer.output} {answer.exception}", command
        return answer

    done = {command: run(command, url).exit_code for command in COMMANDS}
    # The last is for SQLite alone.
    assert {command for command, status in done.items() if status} == {"gallery rotate-key"}
    # Damaged, and a gallery that is not there.
    with raw_postgres(postgres_url) as database:
        database.execute("UPDATE meta SET value = 'x' WHERE key = 'dimension'")
        database.execute("ALTER TABLE identity RENAME TO people")
    assert run("gallery check", url).exit_code == 1
    for command in COMMANDS:
        run(command, url)
        run(command, url.replace("gallery=", "gallery=no_"))
