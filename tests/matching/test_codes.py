from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steadyface.matching.calibration import DecisionRule
from steadyface.matching.codes import Codes, together
from steadyface.matching.decide import match
from steadyface.matching.index import TemplateIndex
from steadyface.matching.scan import CodedProbes, Scanner
from steadyface.matching.scores import on_grid, ready
from steadyface.types import Embedding, FloatArray, Templates

KINDS = ("random", "one large", "equal", "one-hot", "sparse", "duplicates", "two", "tiny")
DIMENSIONS = (8, 13, 64, 128, 512)
RULES = (DecisionRule(0.4), DecisionRule(0.5, 1e-3, "c", (0.5, 0.55, 0.7), pull=0.6))


def vectors_of(kind: str, rng: np.random.Generator, count: int, dimension: int) -> FloatArray:
    """Unit vectors, as hard for codes as can be."""
    rows = rng.standard_normal((count, dimension))
    some = rng.integers(dimension, size=count)
    if kind == "one large":
        rows[np.arange(count), some] = 50 * dimension
    elif kind == "equal":
        rows = np.sign(rows)
    elif kind == "one-hot":
        rows[:] = 0
        rows[np.arange(count), some] = rng.choice([-1, 1], count)
    elif kind == "sparse":
        rows[rng.random(rows.shape) < 0.9] = 0
        rows[:, 0] += 1
    elif kind == "duplicates":
        rows[:] = rows[0] + 1e-6 * rows
    elif kind == "two":
        rows[1::2] = rows[0] + 1e-3 * rows[1::2]
        rows[::2] = 0
        rows[::2, 0] = 1
    elif kind == "tiny":
        rows *= 10.0 ** rng.uniform(-12, 0, rows.shape)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32)


def codes_of(vectors: FloatArray) -> Codes:
    count, dimension = vectors.shape
    return Codes.empty(dimension, count + 3).put(np.arange(count), vectors, 0)


def scanned(probes: CodedProbes, codes: Codes, used: int) -> FloatArray:
    """The products as float32, as a search takes them."""
    products = Scanner().products(probes, codes, used).astype(np.float32)
    return np.asarray(products * (probes.steps[:, None] * codes.step).astype(np.float32))


def gallery(vectors: FloatArray, rng: np.random.Generator) -> Templates:
    """One or two references an identity."""
    owners = np.sort(rng.integers(len(vectors), size=len(vectors)))
    names = tuple(str(number) for number in range(len(vectors)))
    return Templates(names, vectors, owners, "m", rng.random(len(vectors), dtype=np.float32))


@settings(deadline=None, max_examples=80)
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(KINDS),
    asked=st.sampled_from(KINDS),
    dimension=st.sampled_from(DIMENSIONS),
    count=st.sampled_from([1, 2, 127, 300]),
    length=st.sampled_from([1e-30, 0.1, 1, 7]),
)
def test_a_scanned_score_is_within_its_bound(
    seed: int, kind: str, asked: str, dimension: int, count: int, length: float
) -> None:
    rng = np.random.default_rng(seed)
    vectors = on_grid(vectors_of(kind, rng, count, dimension))
    probes = np.concatenate([vectors_of(asked, rng, 3, dimension), vectors[:1], -vectors[-1:]])
    probes *= np.float32(length)
    codes, coded = codes_of(vectors), CodedProbes.of(probes)
    exact = probes.astype(np.float64) @ vectors.T.astype(np.float64)
    error = np.abs(scanned(coded, codes, count) - exact).max(axis=1)
    assert (error <= coded.error([codes])).all()
    one = np.concatenate([scanned(CodedProbes.of(p[None]), codes, count) for p in probes])
    np.testing.assert_array_equal(one, scanned(coded, codes, count))


def test_the_bound_of_random_vectors_leaves_few() -> None:
    rng = np.random.default_rng(0)
    codes = codes_of(on_grid(vectors_of("random", rng, 2000, 128)))
    assert (CodedProbes.of(vectors_of("random", rng, 9, 128)).error([codes]) < 0.035).all()


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=4),
    dimension=st.sampled_from([1, *DIMENSIONS]),
)
def test_vectors_come_back_bit_for_bit(seed: int, kinds: list[str], dimension: int) -> None:
    """Also where a later vector has larger numbers, so that the codes are made anew."""
    rng = np.random.default_rng(seed)
    codes = Codes.empty(dimension, 10 * len(kinds))
    every = [on_grid(vectors_of(kind, rng, 10, dimension)) for kind in kinds]
    for number, vectors in enumerate(every):
        codes = codes.put(np.arange(10) + 10 * number, vectors, 10 * number)
    slots, rows = rng.permutation(10 * len(kinds)), np.concatenate(every)
    np.testing.assert_array_equal(codes.taken(slots), rows[slots])
    np.testing.assert_array_equal(codes.copy(10 * len(kinds)).taken(slots), rows[slots])
    few = codes.only(slots[:7])
    np.testing.assert_array_equal(few.taken(np.arange(7)), rows[slots[:7]])
    assert few.zeros[:7].tolist() == codes.zeros[slots[:7]].tolist()
    other = codes_of(every[0])
    both = together([codes.parts(slots[:2]), other.parts(np.array([3]))])
    np.testing.assert_array_equal(both, [*rows[slots[:2]], every[0][3]])


def test_many_are_coded_anew() -> None:
    rng = np.random.default_rng(0)
    rows = on_grid(np.concatenate([vectors_of("equal", rng, 5000, 64), np.eye(1, 64)]))
    codes = Codes.empty(64, 5001).put(np.arange(5000), rows[:-1], 0)
    wider = codes.put(np.array([5000]), rows[-1:], 5000)
    assert wider.shift > codes.shift
    np.testing.assert_array_equal(wider.taken(np.arange(5001)), rows)
    np.testing.assert_array_equal(codes.taken(np.arange(5000)), rows[:-1])


def test_the_grid_keeps_what_float32_can_and_moves_the_rest_by_little() -> None:
    rng = np.random.default_rng(0)
    vectors = vectors_of("tiny", rng, 500, 64)
    kept = on_grid(vectors)
    large = np.abs(vectors) >= 2**-7
    np.testing.assert_array_equal(kept[large], vectors[large])
    assert np.abs(kept - vectors).max() <= 2**-31
    np.testing.assert_array_equal(on_grid(kept), kept)
    one = np.nextafter(np.float32(1), np.float32(2))
    assert on_grid(np.array([[one, -one, -0.0]], dtype=np.float32)).tolist() == [[1, -1, 0]]


@pytest.mark.parametrize("dimension", [2, 128, 130, 2048])
def test_no_processor_cuts_the_sums_off(dimension: int) -> None:
    """Products of bytes are added by twos in 16 bits where a processor lacks VNNI."""
    largest = np.float32(127 * 2**15 / 2**30)
    rng = np.random.default_rng(0)
    signs = np.stack([np.ones(dimension), -np.ones(dimension), np.sign(rng.random(dimension) - 1)])
    vectors = (np.concatenate([signs, signs]) * largest).astype(np.float32)
    codes, probes = codes_of(vectors), CodedProbes.of(vectors[:2])
    plane = codes.panels[0].astype(np.int64)
    assert np.abs(plane).max() == 127
    assert probes.codes.tolist() == [[127] * dimension, [1] * dimension]
    assert 2 * int(probes.codes.max()) * int(np.abs(plane).max()) < 2**15
    exact = (probes.codes.astype(np.int64) - 64) @ plane[:, :6]
    assert np.abs(exact).max() == 63 * 127 * dimension
    for some in (slice(0, 2), slice(0, 1), slice(1, 2)):
        found = Scanner().products(CodedProbes.of(vectors[some]), codes, 6)
        np.testing.assert_array_equal(found, exact[some])


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(KINDS),
    dimension=st.sampled_from(DIMENSIONS),
    block=st.sampled_from([64, 700, 4096]),
)
def test_an_index_of_hard_vectors_answers_as_decide(
    seed: int, kind: str, dimension: int, block: int
) -> None:
    rng = np.random.default_rng(seed)
    vectors = vectors_of(kind, rng, 700, dimension)
    templates = gallery(vectors, rng)
    index = TemplateIndex("m", block=block)
    index.update(range(700), templates)
    prepared = ready(templates)
    wanted = [*vectors_of("random", rng, 2, dimension), *vectors[:2], -vectors[3], 3 * vectors[4]]
    probes = [Embedding(vector, "m") for vector in wanted]
    for rule in RULES:
        expected = [match(probe, prepared, rule, quality=0.4) for probe in probes]
        assert [index.match(probe, rule, quality=0.4) for probe in probes] == expected
        assert index.match_many(probes, rule, qualities=[0.4] * len(probes)) == expected


def test_more_of_the_same_than_are_decided_among_at_once() -> None:
    rng = np.random.default_rng(0)
    vectors = vectors_of("duplicates", rng, 6000, 16)
    templates = gallery(vectors, rng)
    index = TemplateIndex("m", block=2500)
    index.update(range(6000), templates)
    for rule in RULES:
        probe = Embedding(vectors[5], "m")
        expected = match(probe, ready(templates), rule, top=7, quality=0.5)
        assert index.match(probe, rule, top=7, quality=0.5) == expected
    nothing = Embedding(np.full(16, np.nan, dtype=np.float32), "m")
    expected = match(nothing, ready(templates), RULES[0], top=2)
    assert index.match(nothing, RULES[0], top=2) == expected


def test_a_probe_of_zeros() -> None:
    rng = np.random.default_rng(0)
    templates = gallery(vectors_of("random", rng, 300, 8), rng)
    index = TemplateIndex("m")
    index.update(range(300), templates)
    probe = Embedding(np.zeros(8, dtype=np.float32), "m")
    assert index.match(probe, RULES[1]) == match(probe, ready(templates), RULES[1])


def test_threads_that_all_search_first() -> None:
    rng = np.random.default_rng(0)
    templates = gallery(vectors_of("random", rng, 300, 8), rng)
    index = TemplateIndex("m")
    index.update(range(300), templates)
    probe = Embedding(templates.vectors[0], "m")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: index.match(probe, RULES[0]), range(8)))
    assert found == [match(probe, ready(templates), RULES[0])] * 8


def test_the_graph_is_what_its_script_makes() -> None:
    pytest.importorskip("onnx", reason="needs onnx")
    from steadyface.training.scan_graph import scan_graph

    packed = resources.files("steadyface.matching") / "data" / "scan.onnx"
    assert packed.read_bytes() == scan_graph()
