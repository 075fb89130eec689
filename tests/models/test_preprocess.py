from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyface.models.catalog import Preprocessing
from steadyface.models.preprocess import to_batch

#: Two images of 1 x 2 pixels; every value is different.
IMAGES = [
    np.array([[[10, 20, 30], [40, 50, 60]]], dtype=np.uint8),
    np.array([[[70, 80, 90], [100, 110, 120]]], dtype=np.uint8),
]


def test_raw_rgb() -> None:
    batch = to_batch(IMAGES, Preprocessing("RGB", (0, 0, 0), (1, 1, 1)))
    assert batch.dtype == np.float32
    assert batch.flags.c_contiguous
    assert batch.tolist() == [
        [[[10, 40]], [[20, 50]], [[30, 60]]],
        [[[70, 100]], [[80, 110]], [[90, 120]]],
    ]


def test_bgr_turns_the_channels_round() -> None:
    batch = to_batch(IMAGES[:1], Preprocessing("BGR", (0, 0, 0), (1, 1, 1)))
    assert batch.tolist() == [[[[30, 60]], [[20, 50]], [[10, 40]]]]


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        # (value - mean) * scale, mean and scale in the network's own order of channels
        ("RGB", [[[[18, 78]], [[54, 144]], [[108, 228]]]]),
        ("BGR", [[[[58, 118]], [[54, 144]], [[28, 148]]]]),
    ],
)
def test_mean_and_scale_go_with_the_networks_order_of_channels(
    colour: Literal["RGB", "BGR"], expected: list[object]
) -> None:
    batch = to_batch(IMAGES[:1], Preprocessing(colour, (1, 2, 3), (2, 3, 4)))
    assert batch.tolist() == expected


@pytest.mark.parametrize(
    ("mean", "scale", "expected"),
    [((0, 0, 5), (1, 1, 1), [10, 20, 25]), ((0, 0, 0), (1, 1, 0.5), [10, 20, 15])],
)
def test_one_channel_alone(
    mean: tuple[float, ...], scale: tuple[float, ...], expected: list[float]
) -> None:
    batch = to_batch(IMAGES[:1], Preprocessing("RGB", mean, scale))
    assert batch[0, :, 0, 0].tolist() == expected


@given(
    st.sampled_from(["RGB", "BGR"]),
    st.tuples(*[st.floats(0, 255)] * 3),
    st.tuples(*[st.floats(1 / 256, 2)] * 3),
    st.integers(0, 2**32 - 1),
)
def test_every_pixel_is_computed_as_documented_and_the_images_are_left_alone(
    colour: Literal["RGB", "BGR"], mean: tuple[float, ...], scale: tuple[float, ...], seed: int
) -> None:
    images = list(np.random.default_rng(seed).integers(0, 256, (2, 3, 4, 3), dtype=np.uint8))
    before = [image.copy() for image in images]
    batch = to_batch(images, Preprocessing(colour, mean, scale))
    assert batch.shape == (2, 3, 3, 4)
    for n, image in enumerate(images):
        for channel in range(3):
            source = channel if colour == "RGB" else 2 - channel
            expected = (image[..., source].astype(float) - mean[channel]) * scale[channel]
            np.testing.assert_allclose(batch[n, channel], expected, rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(images, before)
