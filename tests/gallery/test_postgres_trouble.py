"""What PostgreSQL refuses, and what the errors say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from benchmarks.postgres_server import Server, raw_postgres
from tests.gallery.shared import MODEL, erasing_is_due, place_of, unit

from steadyface.errors import GalleryCorruptError, GalleryError, GalleryLockedError
from steadyface.gallery import GalleryMode, open_gallery
from steadyface.gallery.postgres_errors import translate


def failure(url: str, mode: GalleryMode = "create", **options: Any) -> GalleryError:
    with pytest.raises(GalleryError) as caught:
        open_gallery(url, model_id=MODEL, mode=mode, **options)
    return caught.value


def location(url: str) -> str:
    return place_of(url).location


@pytest.fixture
def people(postgres_url: str) -> str:
    """A gallery with one person."""
    with open_gallery(postgres_url, model_id=MODEL, mode="create") as gallery:
        gallery.enroll("Ann", [unit(1, 0)])
    return postgres_url


@pytest.fixture
def other_database(postgres: Server) -> Iterator[str]:
    """A database of its own; tests that need another than all share are few."""
    with raw_postgres(postgres.url()) as database:
        database.execute("CREATE DATABASE other ENCODING 'SQL_ASCII' TEMPLATE template0")
        yield "other"
        database.execute("DROP DATABASE other (FORCE)")


@pytest.fixture
def guest(postgres: Server, people: str) -> Iterator[str]:
    """A user who needs a password and has no rights yet; yields the URL with the right one."""
    rules = postgres.folder / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local all guest scram-sha-256\n{before}")
    with raw_postgres(people) as database:
        database.execute("SELECT pg_reload_conf()")
        database.execute("CREATE USER guest PASSWORD 's3cret'")
        yield people.replace("postgres@", "guest:s3cret@")
        database.execute("DROP OWNED BY guest; DROP USER guest")
        rules.write_text(before)
        database.execute("SELECT pg_reload_conf()")


def test_nobody_listens() -> None:
    error = failure("postgresql://ann:s3cret@127.0.0.1:1/people")
    assert type(error) is GalleryError
    message = str(error)
    assert message.startswith(
        "postgresql://ann@127.0.0.1:1/people?gallery=steadyface: cannot be reached (connection"
    )
    assert message.endswith(
        "; check that the server runs, and the user, password, host, port and database of the URL"
    )
    assert "s3cret" not in message
    assert "\n" not in message


def test_a_database_that_is_not_there(postgres: Server) -> None:
    error = failure(postgres.url("a", database="nowhere"))
    assert "cannot be reached (" in str(error)
    assert 'database "nowhere" does not exist' in str(error)


def test_a_wrong_password(guest: str) -> None:
    error = failure(guest.replace("s3cret", "wrong-one"), "read")
    assert 'password authentication failed for user "guest"' in str(error)
    assert "wrong-one" not in str(error)


def test_users_get_what_they_have_rights_to(guest: str, people: str) -> None:
    # Not even the schema is shown to this user, whose name for a table finds nothing.
    assert type(failure(guest, "write")) is GalleryCorruptError
    name = place_of(people).gallery
    with raw_postgres(people) as database:
        database.execute(f"GRANT USAGE ON SCHEMA {name} TO guest")
        database.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {name} TO guest")
    with open_gallery(guest, model_id=MODEL) as gallery:
        assert gallery.templates().names == ("Ann",)
        assert "s3cret" not in gallery.location
    with open_gallery(guest, model_id=MODEL, mode="write") as gallery:
        with pytest.raises(GalleryError) as caught:
            gallery.enroll("Ben", [unit(0, 1)])
        assert str(caught.value) == (
            f"{gallery.location}: PostgreSQL reports: permission denied for table meta; ask the "
            "database's owner for CREATE on it, or for the rights on the gallery's schema and "
            "tables"
        )
    error = failure(guest.replace(name, "test_new"))
    assert "permission denied for database postgres; ask the database's owner for CREATE" in str(
        error
    )


def test_only_the_owner_can_erase(guest: str, people: str) -> None:
    name = place_of(people).gallery
    with raw_postgres(people) as database:
        database.execute(f"GRANT USAGE ON SCHEMA {name} TO guest")
        database.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA {name} TO guest")
    with open_gallery(guest, model_id=MODEL, mode="write") as gallery:
        with pytest.raises(GalleryError) as caught:
            gallery.remove("Ann")
        assert gallery.count().identities == 0
    open_gallery(guest, model_id=MODEL, mode="write").close()  # no reason to keep them out
    assert erasing_is_due(people)
    open_gallery(people, model_id=MODEL, mode="write").close()
    assert not erasing_is_due(people)
    assert str(caught.value) == (
        f"{location(guest)}: this user may not rebuild the gallery's tables, which belong to "
        "another; let their owner open it for writing. 'Ann' is removed all the same, but pieces "
        "may still be in the tables' files; the next opening for writing erases them"
    )


def test_a_database_without_pgvector(postgres: Server, postgres_url: str) -> None:
    url = postgres.url("a", database="template1")
    for mode in ("read", "write", "create"):
        assert str(failure(url, mode)) == (
            f"{location(url)}: the database has no pgvector; install it on the server if it is not "
            "there, and run `CREATE EXTENSION vector` in the database"
        )


def test_a_database_of_another_encoding(postgres: Server, other_database: str) -> None:
    url = postgres.url("a", database=other_database)
    assert str(failure(url)) == (
        f"{location(url)}: the database has the encoding SQL_ASCII, which cannot hold every name; "
        "use one made with ENCODING 'UTF8'"
    )


def test_a_schema_of_something_else(postgres_url: str) -> None:
    name = place_of(postgres_url).gallery
    with raw_postgres(postgres_url) as database:
        database.execute(f"CREATE SCHEMA {name}")
        database.execute(f"CREATE TABLE {name}.identity (id int)")
    for mode in ("read", "create"):
        error = failure(postgres_url, mode)
        assert type(error) is GalleryCorruptError
        assert str(error) == (
            f"{location(postgres_url)}: the schema '{name}' has tables of its own, but not of a "
            "steadyface gallery; choose another name in `gallery=NAME`"
        )


def test_an_empty_schema_and_one_with_other_tables_take_a_gallery(postgres_url: str) -> None:
    name = place_of(postgres_url).gallery
    with raw_postgres(postgres_url) as database:
        database.execute(f"CREATE SCHEMA {name}")
        database.execute(f"CREATE TABLE {name}.other (meta int)")
    with open_gallery(postgres_url, model_id=MODEL, mode="create") as gallery:
        assert gallery.enroll("Ann", [unit(1, 0)]).added == 1


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DELETE FROM meta WHERE key = 'model_id'", "it does not say which model made it"),
        ("UPDATE meta SET value = 'x' WHERE key = 'schema_version'", "invalid literal for int()"),
        ("ALTER TABLE meta RENAME value TO other", "column"),
    ],
)
def test_damage_that_opening_finds(people: str, damage: str, said: str) -> None:
    with raw_postgres(people) as database:
        database.execute(damage)
    error = failure(people, "read")
    assert type(error) is GalleryCorruptError
    assert f"not a steadyface gallery, or damaged ({said}" in str(error)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE meta SET value = '3' WHERE key = 'dimension'",
        "UPDATE reference SET model_id = 'other'",
        "UPDATE reference SET vector = '[2,0]'",
        "DROP TABLE reference",
    ],
)
def test_damage_that_reading_finds(people: str, damage: str) -> None:
    with open_gallery(people, model_id=MODEL) as gallery:
        with raw_postgres(people) as database:
            database.execute(damage)
        with pytest.raises(GalleryCorruptError, match="not a steadyface gallery, or damaged"):
            gallery.templates()


def test_a_lock_that_another_writer_holds(people: str) -> None:
    key = f"steadyface {place_of(people).gallery}"
    message = (
        f"{location(people)}: another process holds the gallery and did not let go within 0.1 s; "
        "try again when it has finished (in Python, `timeout` waits longer)"
    )
    with (
        open_gallery(people, model_id=MODEL, mode="write", timeout=0.1) as gallery,
        raw_postgres(people) as holder,
        holder.transaction(),
    ):
        holder.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (key,))
        with pytest.raises(GalleryLockedError) as caught:
            gallery.enroll("Ben", [unit(0, 1)])
        assert str(caught.value) == message
        assert str(failure(people, "write", timeout=0.1)) == message
        assert type(failure(people, "write", timeout=0)) is GalleryLockedError
        assert gallery.templates().names == ("Ann",)  # readers go on
    with open_gallery(people, model_id=MODEL, mode="write", timeout=0) as gallery:
        assert gallery.enroll("Ben", [unit(0, 1)]).added == 1


def test_a_table_that_another_program_locks(people: str) -> None:
    with (
        open_gallery(people, model_id=MODEL, timeout=0.1) as gallery,
        raw_postgres(people) as holder,
        holder.transaction(),
    ):
        holder.execute("LOCK TABLE reference")
        with pytest.raises(GalleryLockedError):
            gallery.templates()


def test_a_statement_that_takes_too_long(people: str) -> None:
    with raw_postgres(people) as database:
        database.execute(
            "INSERT INTO identity (name, created_at)"
            " SELECT n::text, now() FROM generate_series(1, 200000) AS n"
        )
    with (
        open_gallery(f"{people}&statement_timeout=0.001", model_id=MODEL) as gallery,
        pytest.raises(GalleryError) as caught,
    ):
        gallery.identities()
    assert str(caught.value) == (
        f"{location(people)}: PostgreSQL reports: canceling statement due to statement timeout; "
        "give statements more time with `statement_timeout=SECONDS` in the URL's options"
    )


def test_a_server_that_takes_no_changes() -> None:
    # As on a standby, where a transaction that writes cannot begin.
    error = psycopg.errors.ReadOnlySqlTransaction("cannot set transaction read-write mode")
    assert str(translate(error, "here", 1)) == (
        "here: PostgreSQL reports: cannot set transaction read-write mode; the server takes no "
        "changes (is it a standby?); connect to the primary, or open with mode='read'"
    )


def test_vectors_longer_than_pgvector_takes(postgres_url: str) -> None:
    with open_gallery(postgres_url, model_id=MODEL, mode="create") as gallery:
        with pytest.raises(GalleryError) as caught:
            gallery.enroll("Ann", [unit(1, *[0] * 16_000)])
        assert str(caught.value) == (
            f"{gallery.location}: a reference of 'Ann' has 16001 numbers, and vectors of "
            "PostgreSQL have 16000 at most; use another model or another store"
        )
        assert gallery.count().identities == 0
        assert gallery.enroll("Ann", [unit(1, *[0] * 15_999)]).added == 1
        assert gallery.templates().vectors.shape == (1, 16_000)
