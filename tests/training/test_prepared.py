from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from steadyface.training.prepared import indexed


class Maker:
    """Writes the names into a file, and fails half way where told to."""

    def __init__(self, file: Path, names: list[str], *, fail: bool = False) -> None:
        self._file, self._names, self._fail = file, names, fail
        self.calls = 0

    def __call__(self) -> dict[str, Any]:
        self.calls += 1
        self._file.write_text("")
        if self._fail:
            raise KeyboardInterrupt
        self._file.write_text(" ".join(self._names))
        return {"count": len(self._names)}


def test_the_same_names_are_prepared_once(tmp_path: Path) -> None:
    index, big = tmp_path / "new" / "index.json", tmp_path / "big"
    make = Maker(big, ["a", "b"])
    first = indexed(index, ["a", "b"], make)
    assert first == {"wanted": ["a", "b"], "count": 2}
    assert indexed(index, ("a", "b"), make) == first
    assert make.calls == 1
    for other in (["b", "a"], ["a"]):
        assert indexed(index, other, Maker(big, other))["wanted"] == other
        assert big.read_text() == " ".join(other)


def test_an_old_index_never_vouches_for_half_written_files(tmp_path: Path) -> None:
    index, big = tmp_path / "index.json", tmp_path / "big"
    indexed(index, ["a"], Maker(big, ["a"]))
    with pytest.raises(KeyboardInterrupt):
        indexed(index, ["b"], Maker(big, ["b"], fail=True))
    again = Maker(big, ["a"])
    indexed(index, ["a"], again)
    assert again.calls == 1
    assert big.read_text() == "a"
    assert [file.name for file in tmp_path.iterdir() if file != big] == ["index.json"]
