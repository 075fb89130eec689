"""The CSV of groups: whom it speaks of, and of whom it does not."""

from __future__ import annotations

from pathlib import Path

from steadyface.evaluation.table import read_table


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    file = tmp_path / "groups.csv"
    file.write_bytes(b"\xef\xbb\xbfimage,age\na.png,old\n")
    assert read_table(file, groups=["age"]).rows == {"a.png": (None, ("old",))}
