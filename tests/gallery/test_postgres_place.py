"""URLs of PostgreSQL: what they mean, and that no message shows a password."""

from __future__ import annotations

import subprocess
import sys

import pytest
from psycopg.conninfo import conninfo_to_dict

from steadyface.errors import MissingExtraError, UsageError
from steadyface.gallery import open_gallery
from steadyface.gallery.postgres_place import parse_place

SECRET = "s3cret"


@pytest.mark.parametrize(
    ("rest", "gallery", "location"),
    [
        ("host/people", "steadyface", "postgresql://host/people?gallery=steadyface"),
        (
            f"ann:{SECRET}@host:5433/people?gallery=door_2",
            "door_2",
            "postgresql://ann@host:5433/people?gallery=door_2",
        ),
        (
            f"ann@/people?host=/run/pg&password={SECRET}&gallery=a&sslmode=require",
            "a",
            "postgresql://ann@/people?host=/run/pg&gallery=a",
        ),
        ("a:1,b:2/people", "steadyface", "postgresql://a:1,b:2/people?gallery=steadyface"),
        ("[::1]:5432/", "steadyface", "postgresql://[::1]:5432/?gallery=steadyface"),
        ("", "steadyface", "postgresql://?gallery=steadyface"),
        (
            f"ann:{SECRET}%40%2F@host/p%20q",
            "steadyface",
            "postgresql://ann@host/p%20q?gallery=steadyface",
        ),
    ],
)
def test_places(rest: str, gallery: str, location: str) -> None:
    place = parse_place(rest)
    assert (place.gallery, place.location) == (gallery, location)
    assert SECRET not in repr(place)
    assert place.statement_timeout == 60


def test_options_of_libpq_reach_it() -> None:
    place = parse_place(
        f"ann:{SECRET}%40@host/people?sslmode=verify-full&gallery=a&statement_timeout=2.5"
        "&application_name=door%20camera"
    )
    assert conninfo_to_dict(place.conninfo) == {
        "user": "ann",
        "password": f"{SECRET}@",
        "host": "host",
        "dbname": "people",
        "sslmode": "verify-full",
        "application_name": "door camera",
    }
    assert place.statement_timeout == 2.5


@pytest.mark.parametrize(
    "rest",
    [
        f"ann:{SECRET}@{SECRET}@host/people",
        f"ann:a/{SECRET}@host/people",
        f"ann:a?{SECRET}@host/people",
        f"ann:a#{SECRET}@host/people",
        f"ann:{SECRET}",
        f"ann:%{SECRET}@host/people",
        f"ann@host/people?{SECRET}",
        f"ann@host/people?unknown={SECRET}",
        f"host/people?a=b?{SECRET}",
    ],
)
def test_urls_that_cannot_be_read_repeat_no_password(rest: str) -> None:
    for scheme in ("postgresql", "postgres"):
        with pytest.raises(UsageError) as caught:
            open_gallery(f"{scheme}://{rest}", model_id="m")
        assert str(caught.value).startswith(
            "the postgresql:// URL cannot be read; write postgresql"
        )
        assert SECRET not in str(caught.value)
        assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "name", ["", "A", "1a", "a-b", "a.b", "pg_a", "a%20b", "é", "x" * 64, "information_schema"]
)
def test_names_of_galleries_that_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is no name for a gallery of PostgreSQL; use 1 to 63 of"):
        parse_place(f"host/people?gallery={name}")


@pytest.mark.parametrize("seconds", ["", "x", "0", "-1", "nan", "inf", "3e6"])
def test_statement_timeouts_that_are_refused(seconds: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_place(f"host/people?statement_timeout={seconds}")
    assert str(caught.value) == (
        f"statement_timeout is {seconds!r}; give seconds from 0.001 to 2e+06"
    )


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.startswith("steadyface.gallery.postgres")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError) as caught:
        open_gallery("postgresql://host/people", model_id="m")
    assert str(caught.value) == (
        "galleries at postgresql:// need psycopg and psycopg_pool; install them with: "
        "pip install 'steadyface[postgres]'"
    )


def test_no_driver_is_loaded_for_another_store() -> None:
    code = (
        "import sys, steadyface.gallery as g\n"
        "try: g.open_gallery('sqlite:////no/such/folder/a.db', model_id='m', mode='create')\n"
        "except g.factory.UsageError.__base__: pass\n"
        "sys.exit('psycopg' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
