"""Names a cache by everything that decides its content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from importlib import resources
from pathlib import Path

#: Parts of the package that decide what the network says of a sample.
_PARTS = ("imaging", "distortions", "models", "pipeline.py")


def fingerprint(items: Iterable[object]) -> str:
    """12 hexadecimal digits that change with the items' text, the models' files, or the code.

    Args:
        items: what is run, each with a telling `repr`.
    """
    digest = sha256()
    for item in items:
        digest.update(repr(item).encode("utf-8", "surrogatepass"))
    for file in _files():
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _files() -> Iterator[Path]:
    package = Path(str(resources.files("steadyface")))
    for part in _PARTS:
        path = package / part
        found = [path] if path.is_file() else path.rglob("*")
        yield from sorted(f for f in found if f.suffix in {".py", ".onnx"})
