"""Fetching over a real connection to a server that misbehaves on demand."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.models.folders import left_in

from steadyface.errors import ModelDownloadError
from steadyface.models import origins
from steadyface.models.catalog import HttpsOrigin
from steadyface.models.lock import exclusive
from steadyface.models.store import ModelStore

if TYPE_CHECKING:
    from tests.models.conftest import MakeFile, Notes, Server

MakeStore = Callable[..., ModelStore]

SIZE = 700_000
HALF = 350_000


def own_part(store: ModelStore) -> Path:
    return store.folder / ".face.onnx.part"


def body(store: ModelStore, served: MakeFile) -> bytes:
    """What the server serves, fetched into another folder."""
    elsewhere = ModelStore(store.folder.parent / "elsewhere", notify=lambda _: None)
    return elsewhere.ensure(served("whole")).read_bytes()


def failure(store: ModelStore, served: MakeFile, *behaviours: str) -> str:
    """The reasons that `ensure` gives, without the first and the last line; all is as it was."""
    file = served(*behaviours)
    with pytest.raises(ModelDownloadError) as caught:
        store.ensure(file)
    first, *reasons, last = str(caught.value).splitlines()
    assert first == "face.onnx could not be fetched:"
    assert last == (
        "run `steadyface models fetch` with a network, or copy the file to "
        f"{store.folder / 'face.onnx'} (SHA-256 {file.sha256})"
    )
    assert not (store.folder / "face.onnx").exists()
    return "\n".join(reasons)


def test_first_use_fetches_with_a_message_and_later_uses_do_not(
    make_store: MakeStore, served: MakeFile, server: Server, notes: Notes
) -> None:
    store, file = make_store(), served("whole")
    path = store.ensure(file)
    assert path == store.folder / "face.onnx"
    assert sha256(path.read_bytes()).hexdigest() == file.sha256
    assert notes == [f"steadyface: fetching face.onnx (0.7 MB, MIT, Test Zoo) into {store.folder}"]
    assert store.ensure(file) == path
    assert (len(notes), len(server.requests)) == (1, 1)
    assert left_in(store.folder) == ["face.onnx"]


def test_damaged_file_in_the_cache_is_replaced_and_said(
    make_store: MakeStore, served: MakeFile, notes: Notes
) -> None:
    store = make_store()
    store.folder.mkdir()
    (store.folder / "face.onnx").write_bytes(b"damaged")
    assert (store.ensure(served("whole"))).stat().st_size == SIZE
    assert notes[0] == "steadyface: face.onnx in the cache is damaged, fetching it again"


def test_later_origins_are_tried_only_when_earlier_ones_fail(
    make_store: MakeStore, served: MakeFile, server: Server
) -> None:
    make_store().ensure(served("missing", "whole", "wrong"))
    assert [behaviour for behaviour, _ in server.requests] == ["missing", "whole"]


def test_every_origin_gives_its_reason(
    make_store: MakeStore, served: MakeFile, server: Server
) -> None:
    reasons = failure(make_store(), served, "missing", "wrong", "hangup")
    assert reasons == (
        f"  {server.url('missing')}: the server answered 404 Not Found\n"
        f"  {server.url('wrong')}: wrong SHA-256 {sha256(bytes(SIZE)).hexdigest()}\n"
        f"  {server.url('hangup')}: the connection broke (Remote end closed connection without "
        "response)"
    )


def test_wrong_bytes_leave_nothing_behind(make_store: MakeStore, served: MakeFile) -> None:
    store = make_store()
    failure(store, served, "wrong")
    assert left_in(store.folder) == []


def test_no_network(make_store: MakeStore, make_file: MakeFile) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/face.onnx"
    reason = f"[Errno {errno.ECONNREFUSED}] {os.strerror(errno.ECONNREFUSED)}"
    with pytest.raises(ModelDownloadError) as caught:
        make_store().ensure(make_file(HttpsOrigin(url)))
    assert f"\n  {url}: no connection ({reason})\n" in str(caught.value)


def test_server_that_says_nothing(
    make_store: MakeStore, served: MakeFile, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origins, "_TIMEOUT_SECONDS", 0.1)
    reasons = failure(make_store(), served, "silent")
    assert reasons == f"  {server.url('silent')}: the connection broke (timed out)"


@pytest.mark.parametrize(
    "error", [OSError(errno.EIO, "read operation failed"), ConnectionResetError("peer reset")]
)
def test_network_that_breaks_while_reading_is_not_taken_for_a_full_disk(
    make_store: MakeStore,
    served: MakeFile,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    error: OSError,
) -> None:
    def broken(*_: object) -> bytes:
        raise error

    monkeypatch.setattr("http.client.HTTPResponse.read", broken)
    reasons = failure(make_store(), served, "whole")
    assert reasons == f"  {server.url('whole')}: the connection broke ({error})"


@pytest.mark.parametrize("url", ["http://example.com/face.onnx", "file:///face.onnx", "face.onnx"])
def test_addresses_that_are_not_https_are_refused(
    make_store: MakeStore, make_file: MakeFile, url: str
) -> None:
    with pytest.raises(ModelDownloadError) as caught:
        make_store().ensure(make_file(HttpsOrigin(url)))
    assert f"\n  {url}: not an https address\n" in str(caught.value)


# --- cut and resumed ----------------------------------------------------------------------------


def test_connection_that_is_cut_keeps_what_came(
    make_store: MakeStore, served: MakeFile, server: Server
) -> None:
    store = make_store()
    reasons = failure(store, served, "cut")
    assert reasons.startswith(f"  {server.url('cut')}: the connection ")
    assert own_part(store).read_bytes() == body(store, served)[:HALF]


@pytest.mark.parametrize("behaviour", ["ranged", "whole", "refuses_ranges"])
def test_download_goes_on_after_a_cut_whatever_the_server_makes_of_ranges(
    make_store: MakeStore, served: MakeFile, server: Server, behaviour: str
) -> None:
    store = make_store()
    failure(store, served, "cut")
    file = served(behaviour)
    assert sha256(store.ensure(file).read_bytes()).hexdigest() == file.sha256
    expected: list[tuple[str, str | None]] = [(behaviour, f"bytes={HALF}-")]
    if behaviour == "refuses_ranges":
        expected.append((behaviour, None))
    assert server.requests[1:] == expected
    assert left_in(store.folder) == ["face.onnx"]


def test_second_origin_goes_on_where_the_first_was_cut(
    make_store: MakeStore, served: MakeFile, server: Server
) -> None:
    make_store().ensure(served("cut", "cut", "ranged"))
    ranges = [wanted for _, wanted in server.requests]
    assert ranges == [None, f"bytes={HALF}-", f"bytes={HALF + HALF // 2}-"]


@pytest.mark.parametrize("size", [SIZE, SIZE + 1])
def test_part_that_is_as_long_as_the_file_is_begun_again(
    make_store: MakeStore, served: MakeFile, server: Server, size: int
) -> None:
    store = make_store()
    store.folder.mkdir()
    own_part(store).write_bytes(bytes(size))
    store.ensure(served("ranged"))
    assert server.requests == [("ranged", None)]


def test_part_with_wrong_bytes_is_begun_again_at_the_same_origin(
    make_store: MakeStore, served: MakeFile, server: Server
) -> None:
    store = make_store()
    store.folder.mkdir()
    own_part(store).write_bytes(bytes(HALF))
    store.ensure(served("ranged"))
    assert server.requests == [("ranged", f"bytes={HALF}-"), ("ranged", None)]


def test_page_of_a_portal_does_not_spoil_the_next_origin(
    make_store: MakeStore, served: MakeFile, server: Server
) -> None:
    make_store().ensure(served("page", "ranged"))
    assert [behaviour for behaviour, _ in server.requests] == ["page", "ranged", "ranged"]


def test_page_of_a_portal_alone(make_store: MakeStore, served: MakeFile, server: Server) -> None:
    page = len(b"<html>please sign in</html>")
    reasons = failure(make_store(), served, "page")
    assert reasons == (f"  {server.url('page')}: the connection ended after {page} of {SIZE} bytes")


def test_range_that_is_refused_without_one(
    make_store: MakeStore, served: MakeFile, server: Server
) -> None:
    reasons = failure(make_store(), served, "out_of_range")
    assert reasons == (
        f"  {server.url('out_of_range')}: the server answered 416 Requested Range Not Satisfiable"
    )


def test_server_that_does_not_stop_is_stopped(
    make_store: MakeStore, served: MakeFile, server: Server
) -> None:
    store = make_store()
    reasons = failure(store, served, "longer")
    assert reasons == (
        f"  {server.url('longer')}: the server sent more than the {SIZE} bytes of the file"
    )
    assert own_part(store).stat().st_size == 0


# --- others who fetch -----------------------------------------------------------------------------


def test_part_that_another_left_is_gone_on_with_whoever_that_was(
    make_store: MakeStore, served: MakeFile, server: Server
) -> None:
    store = make_store()
    start = body(store, served)[:HALF]
    store.folder.mkdir()
    own_part(store).write_bytes(start)
    (store.folder / ".other.onnx.part").write_bytes(b"theirs")
    store.ensure(served("ranged"))
    assert server.requests[-1] == ("ranged", f"bytes={HALF}-")
    assert left_in(store.folder) == [".other.onnx.part", "face.onnx"]
    assert (store.folder / ".other.onnx.part").read_bytes() == b"theirs"


def test_whoever_waited_takes_what_the_other_fetched(
    make_store: MakeStore, served: MakeFile, server: Server, notes: Notes
) -> None:
    store = make_store()
    content = body(store, served)
    store.folder.mkdir()
    with exclusive(store.folder / ".lock", waiting=lambda: None, unlocked=notes):
        waiter = threading.Thread(target=store.ensure, args=(served("whole"),))
        waiter.start()
        while not notes:
            time.sleep(0.01)
        (store.folder / "face.onnx").write_bytes(content)
    waiter.join()
    assert notes == [f"steadyface: waiting for another that is fetching into {store.folder}"]
    assert len(server.requests) == 1  # for `body`


def test_threads_of_one_process_fetch_once(
    make_store: MakeStore, served: MakeFile, server: Server
) -> None:
    store, file = make_store(), served("whole")
    start = threading.Barrier(4)
    paths: list[Path] = []

    def use() -> None:
        start.wait()
        paths.append(store.ensure(file))

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert paths == [store.folder / "face.onnx"] * 4
    assert len(server.requests) == 1


# --- what the user sees ---------------------------------------------------------------------------


def test_messages_go_to_standard_error_of_the_moment(
    tmp_path: Path, served: MakeFile, capsys: pytest.CaptureFixture[str]
) -> None:
    ModelStore(tmp_path).ensure(served("whole"))
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"steadyface: fetching face.onnx (0.7 MB, MIT, Test Zoo) into {tmp_path}\n"


def test_no_standard_error(
    tmp_path: Path,
    served: MakeFile,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stderr", None)
    assert ModelStore(tmp_path).ensure(served("whole")).is_file()
    assert capfd.readouterr() == ("", "")
