from __future__ import annotations

from pathlib import Path

import pytest

from steadyface.errors import DatasetLayoutError, UsageError
from steadyface.evaluation.people import read_people_table


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"


def test_people_in_the_order_in_which_they_are_named(table: Path) -> None:
    table.write_bytes(
        b"\xef\xbb\xbfidentity,team,image,rank\r\nBen,,b.png,\r\nAnn, blue ,a/1.png,2\r\n"
        b"Ben,red,/abs/b.png,\r\n\r\nAnn,,a/2.png,2\r\n"
    )
    ben, ann = read_people_table(table)
    assert (ben.identity, ben.metadata) == ("Ben", {"team": "red"})
    assert list(ben.images) == [table.parent / "b.png", Path("/abs/b.png")]
    assert ben.sources == ["b.png", "/abs/b.png"]
    assert (ann.identity, ann.metadata) == ("Ann", {"team": "blue", "rank": "2"})


def test_of_some_nothing_else_is_said(table: Path) -> None:
    table.write_text("image,identity\na.png,Jose\u0301\nb.png,Jos\u00e9\n", encoding="utf-8")
    (person,) = read_people_table(table)
    assert (person.identity, person.metadata) == ("Jos\u00e9", None)
    assert person.sources == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has no column 'image', it has none"),
        ("image,name\n", "has no column 'identity', it has image, name"),
        ("image,identity\n", "names no image; give one row for each"),
        ("image,identity\na.png,Ann\nb.png\n", "line 3: names no identity; fill it in"),
        ("image,identity\n,Ann\n", "line 2: names no image; fill it in"),
        ("image,identity\na.png,Ann,x\n", "line 2: has more cells than the header; correct it"),
        (
            "image,identity,team\na.png,Ann,blue\nb.png,Ann,red\n",
            "line 3: says team is 'red' of 'Ann', another row says 'blue'; make them agree",
        ),
    ],
)
def test_tables_that_do_not_say_who(table: Path, text: str, why: str) -> None:
    table.write_text(text)
    with pytest.raises(DatasetLayoutError) as caught:
        read_people_table(table)
    assert str(caught.value) == f"{table}: {why}"


def test_tables_that_cannot_be_read(table: Path) -> None:
    with pytest.raises(DatasetLayoutError, match="cannot be read"):
        read_people_table(table)
    table.write_bytes(b"image,identity\n\xff.png,Ann\n")
    with pytest.raises(DatasetLayoutError, match="give a CSV in UTF-8"):
        read_people_table(table)


def test_a_name_that_nobody_can_have(table: Path) -> None:
    table.write_text('image,identity\na.png,"An\tn"\n')
    with pytest.raises(UsageError, match="is no name for an identity"):
        read_people_table(table)
