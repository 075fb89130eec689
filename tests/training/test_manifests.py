"""The committed lists of what the packaged networks were trained on."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from steadyface.models.catalog import load_catalog
from steadyface.training.sources import held_back, measured_people

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "manifests"
TRAINED = [entry.id for entry in load_catalog().models if entry.weights is None]
#: Sets of people, described in the cards; and public sets of photographs, in docs/training.md.
OF_PEOPLE = {"celeba10k", "utkface", "lfw"}
PUBLIC = {
    *("cartoon", "clothing", "cocomini", "dogcat", "fairface", "imagenet", "kangaroo", "mask"),
    *("raccoon", "sketch", "textures"),
}
ON_PHOTOGRAPHS = {"yunet-steady-2", "face-check-1"}


def names_of(model_id: str) -> list[str]:
    text = gzip.decompress((FOLDER / f"{model_id}.txt.gz").read_bytes()).decode("utf-8")
    return text.splitlines()


def test_every_network_of_ours_has_its_list_and_no_other() -> None:
    assert sorted(file.name for file in FOLDER.iterdir()) == sorted(f"{m}.txt.gz" for m in TRAINED)


@pytest.mark.parametrize("model_id", TRAINED)
def test_only_free_parts_of_the_sets_are_named(model_id: str) -> None:
    names = names_of(model_id)
    assert len(names) == len(set(names)) > 10_000
    sets = {name.split("/")[0] for name in names}
    assert sets >= OF_PEOPLE
    assert sets - OF_PEOPLE <= PUBLIC
    assert bool(sets - OF_PEOPLE) == (model_id in ON_PHOTOGRAPHS)
    measured = [n for n in names if n.startswith("utkface/") and held_back(n.split("/")[-1])]
    measured += [n for n in names if n.startswith("fairface/") and held_back(n)]
    assert measured == []


@pytest.mark.data
@pytest.mark.parametrize("model_id", TRAINED)
def test_nobody_who_is_measured_on_is_named(model_id: str, data: Path) -> None:
    people = {name.split("/")[2] for name in names_of(model_id) if name.startswith("lfw/")}
    assert len(people) > 1000
    assert people & measured_people(data) == set()


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_set_is_told_with_its_terms(name: str) -> None:
    page = (FOLDER.parent / "training.md").read_text(encoding="utf-8")
    assert f"| {name} |" in page
