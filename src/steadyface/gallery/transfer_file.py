"""Reading a portable gallery file, which may come from anywhere and be anything."""

from __future__ import annotations

import json
import math
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np

from steadyface.errors import (
    GalleryCorruptError,
    GalleryError,
    GalleryNotFoundError,
    UsageError,
)
from steadyface.gallery import codec
from steadyface.gallery.names import clean_name
from steadyface.types import Embedding, FloatArray, Reference

SCHEMA = "steadyface/gallery/1"
DOCUMENT = "gallery.json"
VECTORS = "vectors.npy"

_FAMILY = SCHEMA.rpartition("/")[0]

#: What `zipfile` raises on bytes that are no ZIP, or one that was cut off or tampered with.
_ZIP_ERRORS = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One identity of a file.

    Attributes:
        name: allowed, and in composed form.
        metadata: of the identity.
        references: 0 or more, ready to be enrolled.
    """

    name: str
    metadata: Mapping[str, Any]
    references: tuple[Reference, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Portable:
    """A file that was checked.

    Attributes:
        model_id: the model that made every embedding in it.
        people: its identities, in order.
    """

    model_id: str
    people: tuple[Person, ...]


def read_portable(file: Path) -> Portable:
    """Read and check a whole file; see `import_gallery` for the errors."""
    try:
        with file.open("rb") as stream:
            return _read(stream)
    except FileNotFoundError as error:
        raise GalleryNotFoundError(
            f"{file}: no such file; give one that `export_gallery` wrote"
        ) from error
    except OSError as error:
        raise GalleryError(
            f"{file}: cannot be read ({error.strerror}); choose another file or ask for access"
        ) from error
    except _NewerError as error:
        raise GalleryError(f"{file}: {error}; upgrade steadyface") from error
    except (*_ZIP_ERRORS, UsageError) as error:
        detail = " ".join(str(error).split()) or type(error).__name__
        raise GalleryCorruptError(
            f"{file}: not an exported gallery, or damaged ({detail}); export the gallery again"
        ) from error


class _NewerError(Exception):
    """What the file is written in is not known here."""


def _read(stream: IO[bytes]) -> Portable:
    size = stream.seek(0, os.SEEK_END)
    with zipfile.ZipFile(stream) as archive:
        members = _members(archive, size)
        document = _parse(archive.read(members[DOCUMENT]))
        listed = [_Identity.of(entry) for entry in _field(document, "identities", list)]
        shape = _shape(document, listed)
        vectors = _read_vectors(archive, members[VECTORS], shape)
    return _assemble(_field(document, "model_id", str), listed, vectors)


def _members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """The two members by name, which together are no larger than the file's `size`."""
    members = {info.filename: info for info in archive.infolist()}
    if sorted(info.filename for info in archive.infolist()) != [DOCUMENT, VECTORS]:
        raise ValueError(f"it does not hold {DOCUMENT} and {VECTORS} alone")
    for name, info in members.items():
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise ValueError(f"{name} is compressed")
    if sum(info.file_size for info in members.values()) > size:
        raise ValueError("it declares more bytes than it has")
    return members


def _parse(text: bytes) -> dict[str, Any]:
    try:
        document = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError(f"{DOCUMENT} is nested too deeply") from None
    if not isinstance(document, dict):
        raise ValueError(f"{DOCUMENT} is not a JSON object")
    schema = _field(document, "schema", str)
    if schema != SCHEMA:
        if schema.startswith(f"{_FAMILY}/"):
            raise _NewerError(f"has the schema {schema!r}, this steadyface reads {SCHEMA!r}")
        raise ValueError(f"its schema is {schema!r} instead of {SCHEMA!r}")
    if (written := _field(document, "format", str)) != codec.VECTOR_FORMAT:
        raise _NewerError(f"its vectors are written as {written!r}")
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{DOCUMENT} holds {name}, which is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    # As 1e999 becomes, which JSON allows and no gallery takes.
    if math.isinf(number):
        raise ValueError(f"{DOCUMENT} holds {text[:32]}, which is too large a number")
    return number


def _shape(document: Mapping[str, Any], listed: list[_Identity]) -> tuple[int, int]:
    """Number of references and length of their vectors, as the document has them."""
    references = sum(len(one.references) for one in listed)
    dimension: int = _field(document, "dimension", int)
    if dimension < 0 or (dimension == 0) != (references == 0):
        raise ValueError(f"the dimension is {dimension} for {references} references")
    return references, dimension


def _read_vectors(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, shape: tuple[int, int]
) -> FloatArray:
    """The matrix, once its declared shape and size are known to be what the document counts."""
    size = shape[0] * shape[1] * codec.VECTOR_DTYPE.itemsize
    with archive.open(info) as member:
        _check_header(member, shape)
        if info.file_size - member.tell() != size:
            raise ValueError(f"{VECTORS} does not have {size} bytes of numbers")
        data = member.read()
    vectors = np.frombuffer(data, dtype=codec.VECTOR_DTYPE).reshape(shape)
    vectors = vectors.astype(np.float32, copy=False)
    codec.check_unit_length(vectors)
    return vectors


def _check_header(member: IO[bytes], shape: tuple[int, int]) -> None:
    # Compared with what numpy writes, not parsed: numpy evaluates it as Python literals.
    descr = codec.VECTOR_DTYPE.str
    expected = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    magic = member.read(np.lib.format.MAGIC_LEN)
    header = member.read(int.from_bytes(member.read(2), "little"))
    if magic != np.lib.format.magic(1, 0) or header.decode("latin-1").strip() != expected:
        raise ValueError(f"{VECTORS} is not a matrix of {shape[0]} x {shape[1]} float32")


@dataclass(frozen=True, slots=True)
class _Identity:
    name: str
    metadata: dict[str, Any]
    references: list[Any]

    @classmethod
    def of(cls, entry: object) -> _Identity:
        fields = _object(entry, "an identity")
        return cls(
            clean_name(_field(fields, "name", str)),
            _field(fields, "metadata", dict),
            _field(fields, "references", list),
        )


def _assemble(model_id: str, listed: list[_Identity], vectors: FloatArray) -> Portable:
    people, start = [], 0
    for one in listed:
        references = tuple(
            _reference(entry, Embedding(vectors[start + row], model_id))
            for row, entry in enumerate(one.references)
        )
        start += len(references)
        people.append(Person(one.name, one.metadata, references))
    return Portable(model_id, tuple(people))


def _reference(entry: object, embedding: Embedding) -> Reference:
    fields = _object(entry, "a reference")
    quality = _field(fields, "quality", float, int, type(None))
    if quality is not None and not 0 <= quality <= 1:
        raise ValueError(f"a quality is {quality}")
    return Reference(
        embedding,
        _field(fields, "source", str),
        _field(fields, "metadata", dict),
        None if quality is None else float(quality),
        _field(fields, "calibration", str, type(None)),
    )


def _object(entry: object, what: str) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise ValueError(f"{what} is not a JSON object")
    return entry


def _field(fields: Mapping[str, Any], name: str, *kinds: type) -> Any:
    value = fields.get(name)
    # Booleans are integers in Python, not in JSON.
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise ValueError(f"{name!r} is missing or of the wrong kind")
    return value
