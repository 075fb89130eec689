"""What the tests of models share: a server on this machine that misbehaves on demand, models."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steadyface.imaging.decode import decode
from steadyface.models.catalog import HttpsOrigin, Origin, WeightFile
from steadyface.models.defaults import load_detector, load_network
from steadyface.models.face_network import FaceNetwork
from steadyface.models.origins import Runner
from steadyface.models.store import ModelStore
from steadyface.models.yunet import YuNetDetector
from steadyface.types import RGBImage

#: More than two chunks of a download.
BODY = np.random.default_rng(0).bytes(700_000)
HALF = len(BODY) // 2


class Handler(BaseHTTPRequestHandler):
    """Answers `GET /BEHAVIOUR` by the method of that name."""

    def __init__(self, owner: Server, *arguments: Any) -> None:
        self.owner = owner
        super().__init__(*arguments)

    def do_GET(self) -> None:
        behaviour = self.path.strip("/")
        self.owner.requests.append((behaviour, self.headers["Range"]))
        getattr(self, behaviour)()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def whole(self) -> None:
        self._answer(200, BODY)

    def ranged(self) -> None:
        start = self._start()
        self._answer(206 if start else 200, BODY[start:])

    def cut(self) -> None:
        rest = BODY[self._start() :]
        self._answer(206 if self._start() else 200, rest[: len(rest) // 2], promised=len(rest))

    def refuses_ranges(self) -> None:
        if self.headers["Range"]:
            self.send_error(416)
        else:
            self.whole()

    def out_of_range(self) -> None:
        self.send_error(416)

    def missing(self) -> None:
        self.send_error(404)

    def wrong(self) -> None:
        self._answer(200, bytes(len(BODY)))

    def page(self) -> None:
        self._answer(200, b"<html>please sign in</html>")

    def longer(self) -> None:
        self._answer(200, BODY + b"and more")

    def hangup(self) -> None:
        self.close_connection = True

    def silent(self) -> None:
        self.owner.closing.wait(30)

    def stops(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(BODY[:HALF])
        self.silent()

    def _start(self) -> int:
        wanted = self.headers["Range"]
        return int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0

    def _answer(self, status: int, body: bytes, promised: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if promised is None else promised))
        self.end_headers()
        self.wfile.write(body)


class QuietServer(ThreadingHTTPServer):
    """Does not print that a client hung up, which some tests do on purpose."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


class Server:
    """A running server; `requests` holds (behaviour, Range header) of each request."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str | None]] = []
        self.closing = threading.Event()
        self._server = QuietServer(("127.0.0.1", 0), partial(Handler, self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def url(self, behaviour: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/{behaviour}"

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the machine must not come between a test and its own server."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


#: A weight file with the given origins.
MakeFile = Callable[..., WeightFile]


@pytest.fixture
def make_file() -> MakeFile:
    def make(*origins: Origin) -> WeightFile:
        digest = sha256(BODY).hexdigest()
        return WeightFile("face.onnx", digest, len(BODY), "MIT", "Test Zoo", origins)

    return make


@pytest.fixture
def served(server: Server, make_file: MakeFile) -> MakeFile:
    """Makes a weight file whose origins answer with the named behaviours."""

    def make(*behaviours: str) -> WeightFile:
        return make_file(*(HttpsOrigin(server.url(behaviour)) for behaviour in behaviours))

    return make


class Notes(list[str]):
    """Collects what the user is told."""

    def __call__(self, message: str) -> None:
        self.append(message)


def no_pip(command: Sequence[str]) -> tuple[int, str]:
    raise AssertionError(f"ran {command}")


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def make_store(tmp_path: Path, notes: Notes) -> Callable[..., ModelStore]:
    """A store in an empty folder that tells `notes`; pip fails the test unless `run` is given."""

    def make(run: Runner = no_pip, *, offline: bool = False) -> ModelStore:
        return ModelStore(tmp_path / "cache", offline=offline, notify=notes, run=run)

    return make


@pytest.fixture(scope="session")
def detector() -> YuNetDetector:
    """The base detector, of which peers have the same weights."""
    return load_detector("yunet-base")


@pytest.fixture(scope="session")
def network() -> FaceNetwork:
    """The base network, likewise."""
    base = load_network("sface-base")
    assert isinstance(base, FaceNetwork)
    return base


@pytest.fixture(scope="session")
def photos(identities: Path) -> list[RGBImage]:
    """The first photo of each bundled sample identity."""
    found = sorted(identities.glob("*/*/*_0001.jpg"))
    assert len(found) >= 12
    return [decode(path) for path in found]
