"""The picture of all kinds and their variants at all severities."""

from __future__ import annotations

import numpy as np
import pytest

from steadyface.distortions import KINDS, apply, contact_sheet, rng_for, variants
from steadyface.types import RGBImage

TILE = 64
HEADER, MARGIN = 22, 84
#: Every kind in each of its variants, None for a kind that has none.
FORMS = [(kind, variant) for kind in KINDS for variant in variants(kind)]


def tiles(sheet: RGBImage, width: int) -> list[list[RGBImage]]:
    """The pictures of a sheet: a row for each variant, a column for clean and each severity."""
    body = sheet[HEADER:, MARGIN:]
    return [
        [
            body[row * TILE : (row + 1) * TILE, column * width : (column + 1) * width]
            for column in range(6)
        ]
        for row in range(len(FORMS))
    ]


@pytest.mark.parametrize(("height", "width"), [(60, 60), (90, 45), (45, 90), (1, 1), (2, 3)])
def test_a_contact_sheet_has_a_row_a_variant(height: int, width: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    sheet = contact_sheet(image, tile=TILE)
    assert sheet.shape == (HEADER + TILE * len(FORMS), MARGIN + 6 * round(TILE * width / height), 3)
    assert sheet.dtype == np.uint8


def test_a_contact_sheet_shows_every_variant_and_severity() -> None:
    image = np.random.default_rng(0).integers(0, 256, (TILE, TILE, 3), dtype=np.uint8)
    pictures = tiles(contact_sheet(image, seed=4, tile=TILE), TILE)
    for (kind, variant), (clean, *distorted) in zip(FORMS, pictures, strict=True):
        np.testing.assert_array_equal(clean, image)
        for severity, picture in enumerate(distorted, start=1):
            expected = apply(image, kind, severity, rng_for(4, kind), variant=variant)
            np.testing.assert_array_equal(picture, expected)
    different = {picture.tobytes() for _, *distorted in pictures for picture in distorted}
    assert len(different) == 5 * len(FORMS)
    assert image.tobytes() not in different


def test_a_contact_sheet_names_its_rows_and_columns(texture: RGBImage) -> None:
    sheet = contact_sheet(texture, tile=TILE)
    assert len(FORMS) > len(KINDS)
    labels = sheet[HEADER:, :MARGIN].reshape(len(FORMS), TILE, MARGIN, 3)
    assert len({label.tobytes() for label in labels}) == len(FORMS)
    for label in labels:
        assert label.min() < 100
        # The text ends before the pictures begin, and within its row.
        assert (label[:, -2:] == 255).all()
        assert (label[[0, -1]] == 255).all()
    width = (sheet.shape[1] - MARGIN) // 6
    names = sheet[:HEADER, MARGIN:].reshape(HEADER, 6, width, 3).transpose(1, 0, 2, 3)
    assert len({name.tobytes() for name in names}) == 6


def test_a_contact_sheet_depends_on_its_seed_alone(texture: RGBImage) -> None:
    first = contact_sheet(texture, 1, tile=TILE)
    np.testing.assert_array_equal(first, contact_sheet(texture, 1, tile=TILE))
    assert not np.array_equal(first, contact_sheet(texture, 2, tile=TILE))
