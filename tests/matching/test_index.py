from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steadyface.errors import GalleryModelError, UsageError
from steadyface.matching.blocks import joined
from steadyface.matching.calibration import DecisionRule, load_calibration
from steadyface.matching.decide import leaders, margin_slack, match
from steadyface.matching.index import TemplateIndex
from steadyface.matching.scores import ready, score_error
from steadyface.models.catalog import load_catalog
from steadyface.types import Embedding, FloatArray, Templates

RULES = (
    DecisionRule(0.4),
    DecisionRule(-1.0),
    DecisionRule(0.5, 1e-3, "c", (0.5, 0.55, 0.7), (0.6, 0.8), pull=0.6),
    load_calibration(load_catalog().default("face-network").id).rule(1e-3, prior=0.1),
)


@dataclass
class Person:
    name: str
    vectors: FloatArray
    qualities: FloatArray


@dataclass
class Model:
    """What an index should hold, as plainly as can be."""

    dimension: int
    people: dict[int, Person] = field(default_factory=dict)

    def templates(self, ids: list[int] | None = None, *, measured: bool = True) -> Templates:
        people = [self.people[i] for i in (sorted(self.people) if ids is None else ids)]
        vectors = [person.vectors for person in people]
        return Templates(
            tuple(person.name for person in people),
            np.concatenate([np.zeros((0, self.dimension), dtype=np.float32), *vectors]),
            np.repeat(np.arange(len(people)), [len(person.vectors) for person in people]),
            "m",
            np.concatenate([np.zeros(0, dtype=np.float32), *(p.qualities for p in people)])
            if measured
            else None,
        )


def units(rng: np.random.Generator, count: int, dimension: int) -> FloatArray:
    vectors = rng.standard_normal((count, dimension), dtype=np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def person(rng: np.random.Generator, pool: FloatArray, name: str) -> Person:
    """Up to four references, often the same as someone else's, of known and unknown quality."""
    vectors = pool[rng.integers(len(pool), size=rng.integers(5))]
    if rng.random() < 0.5:
        vectors = units(rng, len(vectors), pool.shape[1])
    qualities = rng.random(len(vectors), dtype=np.float32)
    qualities[rng.random(len(vectors)) < 0.3] = np.nan
    return Person(name, vectors, qualities)


def changed(index: TemplateIndex, model: Model, rng: np.random.Generator, pool: FloatArray) -> None:
    """One change at random, to both."""
    known = sorted(model.people)
    if known and rng.random() < 0.3:
        gone = rng.choice(known, size=rng.integers(1, len(known) + 1), replace=False).tolist()
        for number in gone:
            del model.people[number]
        index.remove([*gone, 10**9])
        return
    first = known[-1] + int(rng.integers(1, 4)) if known else 0
    ids = list(range(first, first + int(rng.integers(0, 12))))
    ids += rng.choice(known, size=rng.integers(len(known) + 1), replace=False).tolist()
    rng.shuffle(ids)
    measured = bool(rng.random() < 0.8)
    for number in ids:
        name = f"{number}{'é' * int(rng.integers(3))}"
        model.people[number] = person(rng, pool, name)
        if not measured:
            model.people[number].qualities[:] = np.nan
    index.update(ids, model.templates(ids, measured=measured))


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    dimension=st.sampled_from([1, 2, 7, 128]),
    block=st.sampled_from([1, 3, 8, 64]),
    changes=st.integers(1, 8),
)
def test_the_answers_are_those_of_decide(
    seed: int, dimension: int, block: int, changes: int
) -> None:
    rng = np.random.default_rng(seed)
    pool = units(rng, 5, dimension)
    index, model = TemplateIndex("m", block=block), Model(dimension)
    for _ in range(changes):
        changed(index, model, rng, pool)
        assert len(index) == len(model.people)
        templates = ready(model.templates())
        vectors = [*units(rng, 2, dimension), pool[0], -pool[1]]
        probes = [Embedding(vector, "m") for vector in vectors]
        located = (rng.random(4) < 0.7).tolist()
        qualities: list[float | None] = [None, float("nan"), 0.2, float(rng.random())]
        top = int(rng.integers(1, 9))
        for rule in RULES:
            expected = [
                match(probe, templates, rule, top=top, located=face, quality=quality)
                for probe, face, quality in zip(probes, located, qualities, strict=True)
            ]
            found = [
                index.match(probe, rule, top=top, located=face, quality=quality)
                for probe, face, quality in zip(probes, located, qualities, strict=True)
            ]
            assert found == expected
            many = index.match_many(probes, rule, top=top, located=located, qualities=qualities)
            assert many == expected


def gallery(count: int, dimension: int = 8, seed: int = 0) -> Templates:
    """One reference an identity."""
    vectors = units(np.random.default_rng(seed), count, dimension)
    names = tuple(str(number) for number in range(count))
    return Templates(names, vectors, np.arange(count), "m")


def test_a_large_gallery_with_many_of_the_same_across_blocks() -> None:
    templates = gallery(5000)
    templates.vectors[::7] = templates.vectors[3]
    index = TemplateIndex("m", block=1000)
    index.update(range(5000), templates)
    probe = Embedding(templates.vectors[3], "m")
    found = index.match(probe, RULES[2], top=9, quality=0.3)
    assert found == match(probe, ready(templates), RULES[2], top=9, quality=0.3)
    assert [c.identity for c in found.candidates] == ["0", "3", *(str(7 * i) for i in range(1, 8))]


def test_chunks_of_probes_answer_as_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steadyface.matching.index._SCORES_AT_ONCE", 100)
    index = TemplateIndex("m")
    index.update(range(40), gallery(40))
    probes = [Embedding(vector, "m") for vector in gallery(7, seed=1).vectors]
    assert index.match_many(probes, RULES[3]) == [index.match(p, RULES[3]) for p in probes]
    assert index.match_many([], RULES[3]) == []


def test_a_probe_that_is_no_number_finds_what_decide_finds() -> None:
    index = TemplateIndex("m")
    index.update(range(300), gallery(300))
    probe = Embedding(np.full(8, np.nan, dtype=np.float32), "m")
    found = index.match(probe, RULES[0], top=2)
    assert (found.label, [c.identity for c in found.candidates]) == (0, ["0", "1"])


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 3000), top=st.integers(1, 12))
def test_leaders_are_all_that_the_slack_allows(seed: int, count: int, top: int) -> None:
    margins = np.random.default_rng(seed).integers(0, 50, count).astype(np.float32)
    cut = np.sort(margins)[::-1][min(top, count) - 1]
    np.testing.assert_array_equal(leaders(margins, top, 2), np.flatnonzero(margins >= cut - 2))


def test_the_float32_score_is_within_its_bound() -> None:
    templates = ready(gallery(20_000, 128))
    probe = units(np.random.default_rng(1), 1, 128)[0]
    exact = templates.exact_score(probe)
    error = np.abs(templates.score(probe[None, :])[0].astype(np.float64) - exact).max()
    assert 0 < error < score_error(128) < 3e-5
    assert margin_slack(RULES[2], 128) > 2 * score_error(128)


def test_an_identity_without_references_is_there_and_never_matches() -> None:
    index = TemplateIndex("m")
    nobody = Templates(("Ada",), np.zeros((0, 0), dtype=np.float32), np.zeros(0, np.int64), "m")
    index.update([4], nobody)
    assert len(index) == 1
    found = index.match(Embedding(units(np.random.default_rng(0), 1, 3)[0], "m"), DecisionRule(-1))
    assert (found.label, [c.identity for c in found.candidates]) == (0, ["Ada"])
    assert found == match(
        Embedding(np.ones(1, dtype=np.float32), "m"), ready(nobody), DecisionRule(-1)
    )
    index.update([7], gallery(1))
    found = index.match(Embedding(gallery(1).vectors[0], "m"), DecisionRule(0.5))
    assert [c.identity for c in found.candidates] == ["0", "Ada"]
    assert found.label == 1


def test_clear_takes_everybody_out_and_forgets_the_dimension() -> None:
    index = TemplateIndex("m")
    index.update([1, 2], gallery(2))
    index.clear()
    assert len(index) == 0
    assert index.match(Embedding(gallery(1).vectors[0], "m"), RULES[2]).similarity is None
    index.update([1], gallery(1, dimension=3))
    assert index.match(Embedding(gallery(1, dimension=3).vectors[0], "m"), RULES[2]).label == 1


def test_names_that_are_no_unicode() -> None:
    index = TemplateIndex("m")
    name = b"J\xf6rg".decode("utf-8", "surrogateescape")
    index.update([1], Templates((name,), gallery(1).vectors, np.array([0]), "m"))
    assert index.match(Embedding(gallery(1).vectors[0], "m"), RULES[0]).identity == name


def test_blocks_that_empty_are_joined() -> None:
    index = TemplateIndex("m", block=10)
    index.update(range(100), gallery(100))
    assert len(index._blocks) == 10
    index.remove([number for number in range(100) if number % 10])
    assert [block.used for block in index._blocks] == [5, 5]
    assert joined([]) == []


# --- threads --------------------------------------------------------------------------------------


def test_searches_see_whole_changes_while_others_make_them() -> None:
    """Everyone's name tells which of two states they are in; no answer may mix them."""
    before, after = gallery(600, 16, seed=1), gallery(600, 16, seed=2)
    after = Templates(tuple(f"+{n}" for n in after.names), after.vectors, after.owners, "m")
    probes = [Embedding(vector, "m") for vector in (*before.vectors[:3], *after.vectors[:3])]
    rule = DecisionRule(0.99)
    extra = gallery(50, 16, seed=3)
    expected = []
    for templates in (before, after):
        names, vectors = templates.names + extra.names, (templates.vectors, extra.vectors)
        both = Templates(names, np.concatenate(vectors), np.arange(650), "m")
        for whole in (templates, both):
            expected.append([match(probe, ready(whole), rule) for probe in probes])
    index = TemplateIndex("m", block=128)
    index.update(range(600), before)
    done = Event()

    def search() -> bool:
        right = True
        while not done.is_set():
            right &= index.match_many(probes, rule) in expected
        return right

    with ThreadPoolExecutor(3) as pool:
        searches = [pool.submit(search) for _ in range(3)]
        try:
            for turn in range(60):
                index.update(range(600), after if turn % 2 else before)
                index.update(range(1000, 1050), extra)
                index.remove(range(1000, 1050))
        finally:
            done.set()
        assert all(found.result() for found in searches)


# --- errors ---------------------------------------------------------------------------------------


def test_what_a_change_refuses_and_that_it_leaves_the_index_alone() -> None:
    index = TemplateIndex("m")
    index.update([3, 5], gallery(2))
    other = Templates(("Ada",), gallery(1).vectors, np.array([0]), "n")
    with pytest.raises(GalleryModelError, match="embedded by 'n' and the index holds those of 'm'"):
        index.update([9], other)
    with pytest.raises(UsageError, match="the vectors have 3 dimensions, those of the index 8"):
        index.update([9], gallery(1, dimension=3))
    with pytest.raises(UsageError, match="id 9 comes twice"):
        index.update([9, 9], gallery(2))
    with pytest.raises(UsageError, match="id 3 comes twice"):
        index.remove([3, 3])
    with pytest.raises(UsageError, match="1 ids do not pair with 2 names"):
        index.update([9], gallery(2))
    with pytest.raises(UsageError, match="id 4 is new and has to be higher than 5, which is there"):
        index.update([9, 4, 5], gallery(3))
    broken = gallery(1)
    broken.vectors[0, 0] = np.nan
    with pytest.raises(UsageError, match="not finite"):
        index.update([9], broken)
    assert len(index) == 2
    assert index.match(Embedding(gallery(2).vectors[1], "m"), RULES[0]).identity == "1"


def test_what_a_search_refuses() -> None:
    index = TemplateIndex("m")
    index.update([3, 5], gallery(2))
    probe = Embedding(gallery(1).vectors[0], "m")
    with pytest.raises(GalleryModelError, match="embedded by 'n' and the gallery by 'm'"):
        index.match(Embedding(probe.vector, "n"), RULES[0])
    with pytest.raises(UsageError, match="top is 0: give 1 or more"):
        index.match(probe, RULES[0], top=0)
    with pytest.raises(UsageError, match=r"of shape \(3,\), those of the index of \(8,\)"):
        index.match(Embedding(probe.vector[:3], "m"), RULES[0])
    with pytest.raises(UsageError, match="1 probes, 2 located and 1 qualities"):
        index.match_many([probe], RULES[0], located=[True, True])
    with pytest.raises(UsageError, match="block is 0"):
        TemplateIndex("m", block=0)
