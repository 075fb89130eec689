"""What every distortion promises, for every kind in the registry."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steadyface.distortions import KINDS, apply, compose, rng_for
from steadyface.errors import UsageError
from steadyface.types import RGBImage

SEVERITIES = (1, 2, 3, 4, 5)
SHAPES = [(1, 1), (1, 2), (2, 1), (3, 2), (2, 3), (1, 57), (57, 1), (40, 90), (90, 40)]
#: Enough for each variant of a kind to be chosen.
SEEDS = range(12)

every_kind = pytest.mark.parametrize("kind", KINDS)


def noise(shape: tuple[int, int]) -> RGBImage:
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)


def flat(value: int) -> Callable[[tuple[int, int]], RGBImage]:
    return lambda shape: np.full((*shape, 3), value, dtype=np.uint8)


# --- shape, type, memory ------------------------------------------------------------------------


@every_kind
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(noise, id="noise"),
        pytest.param(flat(0), id="black"),
        pytest.param(flat(127), id="grey"),
        pytest.param(flat(255), id="white"),
    ],
)
def test_every_image_gives_a_new_one_like_it(
    kind: str, shape: tuple[int, int], make: Callable[[tuple[int, int]], RGBImage]
) -> None:
    image = make(shape)
    image.setflags(write=False)
    before = image.copy()
    for severity, seed in product((1, 2.5, 5), SEEDS):
        result = apply(image, kind, severity, np.random.default_rng(seed))
        assert result.shape == image.shape
        assert result.dtype == np.uint8
        assert result.flags.c_contiguous
        assert result.flags.writeable
        assert not np.shares_memory(result, image)
    np.testing.assert_array_equal(image, before)


@every_kind
@pytest.mark.parametrize(
    "lay",
    [
        pytest.param(lambda image: image[:, ::-1], id="mirrored"),
        pytest.param(np.asfortranarray, id="by columns"),
        pytest.param(lambda image: np.repeat(image, 2, axis=1)[:, ::2], id="with gaps"),
        pytest.param(lambda image: image[..., ::-1], id="channels swapped"),
    ],
)
def test_how_an_image_lies_in_memory_does_not_matter(
    kind: str, lay: Callable[[RGBImage], RGBImage], texture: RGBImage
) -> None:
    image = lay(texture)
    assert not image.flags.c_contiguous
    for seed in SEEDS:
        result = apply(image, kind, 3, np.random.default_rng(seed))
        expected = apply(np.ascontiguousarray(image), kind, 3, np.random.default_rng(seed))
        np.testing.assert_array_equal(result, expected)
        assert result.flags.c_contiguous


@every_kind
def test_every_severity_changes_the_image(kind: str, texture: RGBImage) -> None:
    for severity, seed in product(SEVERITIES, SEEDS):
        result = apply(texture, kind, severity, np.random.default_rng(seed))
        assert np.abs(result.astype(int) - texture).mean() > 0.3


# --- randomness ---------------------------------------------------------------------------------


@every_kind
def test_the_same_generator_gives_the_same_image(kind: str, texture: RGBImage) -> None:
    for severity, seed in product((1, 5), SEEDS):
        first, second = np.random.default_rng(seed), np.random.default_rng(seed)
        one = apply(texture, kind, severity, first)
        np.testing.assert_array_equal(one, apply(texture, kind, severity, second))
        assert first.random() == second.random()


@every_kind
def test_another_generator_gives_another_image(kind: str, texture: RGBImage) -> None:
    results = {apply(texture, kind, 3, np.random.default_rng(s)).tobytes() for s in range(30)}
    # Two seeds may choose the same plain blur, which has nothing else that is random.
    assert len(results) > 10


@every_kind
def test_a_generator_goes_on_where_it_stands(kind: str, texture: RGBImage) -> None:
    rng = np.random.default_rng(0)
    assert len({apply(texture, kind, 3, rng).tobytes() for _ in range(10)}) > 1


_IN_ANOTHER_PROCESS = """
import hashlib, sys
import cv2, numpy as np
from steadyface.distortions import KINDS, apply, rng_for
cv2.setNumThreads(1)
image = np.load(sys.argv[1])
for name in ("b.jpg", "a.jpg"):
    for kind in reversed(KINDS):
        result = apply(image, kind, 3, rng_for(7, name, kind))
        print(name, kind, hashlib.sha256(result.tobytes()).hexdigest())
"""


def test_neither_order_nor_process_matters(
    texture: RGBImage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("process") / "image.npy"
    np.save(file, texture)
    command = [sys.executable, "-c", _IN_ANOTHER_PROCESS, str(file)]
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    other = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    here = {
        f"{name} {kind} "
        + hashlib.sha256(apply(texture, kind, 3, rng_for(7, name, kind)).tobytes()).hexdigest()
        for name, kind in product(("a.jpg", "b.jpg"), KINDS)
    }
    assert set(other.stdout.splitlines()) == here


def draw(seed: int, *names: str) -> int:
    return int(rng_for(seed, *names).integers(2**62))


def test_a_seed_and_names_fix_a_generator_for_good() -> None:
    assert draw(3, "a.jpg", "foggy") == draw(3, "a.jpg", "foggy")
    # Written down once: results of one release are to be had again with the next.
    assert draw(0, "Al_Gore_0001.jpg", "foggy") == 599782917377527587


def test_every_part_of_the_name_counts() -> None:
    parts = [
        (3, "a.jpg", "foggy"),
        (4, "a.jpg", "foggy"),
        (-3, "a.jpg", "foggy"),
        (3, "b.jpg", "foggy"),
        (3, "a.jpg", "rainy"),
        (3, "foggy", "a.jpg"),
        (3, "a.jpgfoggy"),
        (3, "a.jpg", "foggy", ""),
        (3, "a.jp", "gfoggy"),
        (33, "a.jpg"),
        (3, "3", "a.jpg"),
        (3,),
    ]
    assert len({draw(int(seed), *map(str, names)) for seed, *names in parts}) == len(parts)


def test_names_of_files_that_are_no_utf8() -> None:
    odd = os.fsdecode(b"caf\xe9.jpg")
    assert draw(0, odd) == draw(0, odd)
    assert len({draw(0, odd), draw(0, "café.jpg"), draw(0, "caf.jpg")}) == 3


# --- one after another --------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.sampled_from(KINDS), st.floats(1, 5)), max_size=4),
    st.integers(0, 2**32),
    st.sampled_from(SHAPES),
)
@settings(deadline=None, max_examples=60)
def test_composing_is_applying_one_after_another(
    steps: list[tuple[str, float]], seed: int, shape: tuple[int, int]
) -> None:
    image = noise(shape)
    rng = np.random.default_rng(seed)
    expected = image
    for kind, severity in steps:
        expected = apply(expected, kind, severity, rng)
    result = compose(image, iter(steps), np.random.default_rng(seed))
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(image, noise(shape))
    assert not np.shares_memory(result, image)
    assert result.flags.writeable


@pytest.mark.parametrize(("first", "second"), list(product(KINDS, KINDS)))
def test_every_pair_can_be_composed(first: str, second: str, texture: RGBImage) -> None:
    both = compose(texture, [(first, 2), (second, 4)], np.random.default_rng(5))
    assert both.shape == texture.shape
    alone = compose(texture, [(first, 2)], np.random.default_rng(5))
    assert not np.array_equal(both, alone)


def test_the_order_of_steps_counts(texture: RGBImage) -> None:
    steps = [("lowlight", 3.0), ("noisy", 3.0)]
    there = compose(texture, steps, np.random.default_rng(0))
    back = compose(texture, steps[::-1], np.random.default_rng(0))
    # Noise that is then darkened shows less than noise on a dark image.
    assert back.std() < there.std()


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "hint"),
    [("fogy", "; did you mean 'foggy'?"), ("Blurred", "; did you mean 'blurred'?"), ("snow", "")],
)
def test_an_unknown_kind(kind: str, hint: str, texture: RGBImage) -> None:
    message = f"no distortion {kind!r}, there are {', '.join(KINDS)}{hint}"
    with pytest.raises(UsageError) as caught:
        apply(texture, kind, 3, np.random.default_rng(0))
    assert str(caught.value) == message
    with pytest.raises(UsageError) as caught:
        compose(texture, [(KINDS[0], 3), (kind, 3)], np.random.default_rng(0))
    assert str(caught.value) == message


@every_kind
@pytest.mark.parametrize(
    ("severity", "shown"),
    [
        (0, "0"),
        (0.99, "0.99"),
        (5.01, "5.01"),
        (-3, "-3"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        # Not rounded to a number that is in range.
        (5.0000001, "5.0000001"),
        (np.float32(5.5), "5.5"),
    ],
)
def test_a_severity_out_of_range(kind: str, severity: float, shown: str, texture: RGBImage) -> None:
    with pytest.raises(UsageError) as caught:
        apply(texture, kind, severity, np.random.default_rng(0))
    assert str(caught.value) == f"{kind}: severity {shown} is out of range; give 1 to 5"


@every_kind
@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_an_array_that_is_no_image(kind: str, image: RGBImage) -> None:
    with pytest.raises(UsageError) as caught:
        apply(image, kind, 3, np.random.default_rng(0))
    assert str(caught.value) == (
        f"image: shape {image.shape} and dtype {image.dtype} are not H x W x 3 uint8; convert it "
        "to RGB with values 0 to 255"
    )
