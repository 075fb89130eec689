"""The tables of a PostgreSQL gallery, and how a schema is recognised as one and kept up to date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psycopg import sql

from steadyface.errors import GalleryCorruptError
from steadyface.gallery.codec import VECTOR_FORMAT
from steadyface.gallery.postgres_connection import Connection, reading, writing
from steadyface.gallery.versions import Migration, check_known

#: An identical vector is found by its bytes: a hash index takes vectors of any length, and keeps
#: nothing of them but 32 bits. The expression has to be the same in the index and in the query.
VECTOR_BYTES = "vector_send(vector)"

# Sequences, not identity columns, which a partitioned table has only since PostgreSQL 17. Neither
# ever gives a number again; writers take turns, so that order by id is order of enrolment.
# `vector` without a length, which is known at the first enrolment only. `json`, which keeps the
# text as it is; jsonb changes numbers and drops keys.
# STATISTICS 0: ANALYZE would copy names and vectors to where removing does not reach.
MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        (
            """
        CREATE TABLE meta (
            key text PRIMARY KEY,
            value text NOT NULL
        )
        """,
            """
        CREATE TABLE identity (
            id bigserial PRIMARY KEY,
            name text COLLATE "C" NOT NULL UNIQUE,
            created_at timestamptz NOT NULL,
            metadata json NOT NULL DEFAULT '{}',
            revision bigint NOT NULL DEFAULT 0
        )
        """,
            """
        CREATE TABLE reference (
            id bigserial PRIMARY KEY,
            identity_id bigint NOT NULL REFERENCES identity (id) ON DELETE CASCADE,
            model_id text NOT NULL,
            source text NOT NULL,
            metadata json NOT NULL,
            quality double precision,
            calibration text,
            created_at timestamptz NOT NULL,
            vector vector NOT NULL
        ) WITH (toast_tuple_target = 8160)
        """,
            # Has the ids of those whom whoever keeps in step has to forget.
            """
        CREATE TABLE removed (
            revision bigint NOT NULL,
            id bigint NOT NULL,
            PRIMARY KEY (revision, id)
        )
        """,
            # Names nobody and refers to no row: it outlives the people in it.
            """
        CREATE TABLE audit (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            moment timestamptz NOT NULL,
            actor text NOT NULL,
            action text NOT NULL,
            identity_id bigint,
            reference_count bigint NOT NULL
        )
        """,
            """
        CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the audit can only be appended to'; END $$
        """,
            "CREATE TRIGGER audit_appended BEFORE UPDATE OR DELETE OR TRUNCATE ON audit"
            " FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
            # Also in sessions that apply what another server sent.
            "ALTER TABLE audit ENABLE ALWAYS TRIGGER audit_appended",
            "INSERT INTO meta (key, value) VALUES ('revision', '0')",
            # Vectors of up to about 2,000 numbers stay in their row, where searching reads them;
            # compressing them would take time and gain nothing.
            "ALTER TABLE reference ALTER COLUMN vector SET STORAGE EXTERNAL",
            "ALTER TABLE identity ALTER COLUMN name SET STATISTICS 0,"
            " ALTER COLUMN metadata SET STATISTICS 0",
            "CREATE INDEX identity_revision ON identity (revision, id)",
            "ALTER TABLE reference ALTER COLUMN source SET STATISTICS 0,"
            " ALTER COLUMN metadata SET STATISTICS 0, ALTER COLUMN vector SET STATISTICS 0",
            "CREATE INDEX reference_identity ON reference (identity_id, id)",
            f"CREATE INDEX reference_vector ON reference USING hash ({VECTOR_BYTES})",
            "ALTER INDEX reference_vector ALTER COLUMN 1 SET STATISTICS 0",
        )
    ),
)

_TABLES = ("audit", "identity", "meta", "reference", "removed")


def recognise(connection: Connection, gallery: str, location: str, known: int) -> int:
    """Return which version of the tables a schema holds; 0 where it has none of them.

    Args:
        connection: to the database; not in a transaction. Nothing is written.
        gallery: the schema.
        location: the gallery, for messages.
        known: the newest version that this code can read.

    Raises:
        GalleryCorruptError: the schema has such tables of something else.
        GalleryError: a newer steadyface made them.
    """
    with reading(connection):
        found = _tables(connection, gallery)
        version = read_version(connection) if found == _TABLES else 0
    if found and version < 1:
        raise GalleryCorruptError(
            f"{location}: the schema {gallery!r} has tables of its own, but not of a steadyface "
            "gallery; choose another name in `gallery=NAME`"
        )
    check_known(version, location, known)
    return version


def migrate(
    connection: Connection,
    gallery: str,
    *,
    model_id: str | None,
    migrations: Sequence[Migration],
) -> None:
    """Bring a schema that `recognise` accepted to the newest version, in one transaction.

    Args:
        connection: to the database; not in a transaction.
        gallery: the schema; made where there is none.
        model_id: the gallery's model, noted when there is nothing yet; None where there is.
        migrations: all steps from nothing on.
    """
    with writing(connection, gallery):
        # Read under the lock: another process may have been here in the meantime.
        version = read_version(connection) if _tables(connection, gallery) else 0
        if version == 0:
            _make_schema(connection, gallery)
        for number, migration in enumerate(migrations[version:], start=version + 1):
            for statement in migration.statements:
                connection.execute(statement)
            if number == 1:
                assert model_id is not None  # only mode `create` gets here, which names a model
                _note(connection, "format", VECTOR_FORMAT)
                _note(connection, "model_id", model_id)
            _note(connection, "schema_version", str(number))


def read_meta(connection: Connection) -> Mapping[str, str]:
    """Return the table of facts about the gallery: `model_id`, `format`, `dimension`, ..."""
    return dict(connection.execute("SELECT key, value FROM meta").fetchall())


def read_version(connection: Connection) -> int:
    """Return how many migrations the tables have been through; 0 where they do not say."""
    return int(read_meta(connection).get("schema_version", "0"))


def _tables(connection: Connection, gallery: str) -> tuple[str, ...]:
    rows = connection.execute(
        "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
        " WHERE nspname = %s AND relname = ANY(%s) ORDER BY relname",
        (gallery, list(_TABLES)),
    )
    return tuple(name for (name,) in rows)


def _make_schema(connection: Connection, gallery: str) -> None:
    # Not IF NOT EXISTS, which asks for the right to make one also where there is one.
    if connection.execute("SELECT to_regnamespace(%s)", (gallery,)).fetchone() == (None,):
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(gallery)))


def _note(connection: Connection, key: str, value: str) -> None:
    connection.execute(
        "INSERT INTO meta (key, value) VALUES (%s, %s)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value),
    )
