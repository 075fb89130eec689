"""The registry, and that what is built on it reaches every kind, also one that is added."""

from __future__ import annotations

import ast
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import steadyface.distortions as package
from steadyface.distortions import (
    KINDS,
    SUITES,
    Condition,
    apply,
    compose,
    contact_sheet,
    distorted_name,
    kind_of,
    registry,
    rng_for,
)
from steadyface.distortions.suites import suite_at
from steadyface.errors import UsageError
from steadyface.types import RGBImage

FAMILIES = {"blurred", "foggy", "lowlight", "noisy", "rainy", "resized", "sunny"}
TILE = 64
HEADER, MARGIN = 22, 76


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> str:
    """A kind that is registered for one test."""
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))

    @registry.distortion("inverted")
    def inverted(image: RGBImage, severity: float, rng: np.random.Generator) -> RGBImage:
        share = severity / 5
        return np.rint(image * (1 - share) + (255 - image.astype(float)) * share).astype(np.uint8)

    return "inverted"


# --- completeness -------------------------------------------------------------------------------


def test_the_seven_families_are_there() -> None:
    assert set(KINDS) >= FAMILIES
    assert list(KINDS) == sorted(set(KINDS))
    assert registry.kinds() == KINDS


def declared_kinds() -> Iterator[str]:
    """Every `@distortion(KIND)` in the package's files, whether they are imported or not."""
    for module in pkgutil.iter_modules(package.__path__):
        source = Path(package.__path__[0], f"{module.name}.py").read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            for decorator in getattr(node, "decorator_list", []):
                match decorator:
                    case ast.Call(func=ast.Name(id="distortion"), args=[ast.Constant(value=kind)]):
                        yield str(kind)


def test_every_kind_that_is_declared_is_registered() -> None:
    assert sorted(declared_kinds()) == list(KINDS)


def test_every_kind_has_tests_of_its_own() -> None:
    """A kind that is added needs a `test_KIND_...` beside these that holds what it looks like."""
    names = [
        node.name
        for file in Path(__file__).parent.glob("test_*.py")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    ]
    for kind in KINDS:
        assert any(name.startswith(f"test_{kind}_") for name in names), kind


def test_an_added_kind_is_reached_by_everything(added: str) -> None:
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    rng = rng_for(0, added)
    assert registry.kinds() == tuple(sorted({*KINDS, added}))
    np.testing.assert_array_equal(apply(image, added, 5, rng), 255 - image)
    np.testing.assert_array_equal(compose(image, [(added, 5), (added, 5)], rng), image)
    assert kind_of(distorted_name("a", added)) == added
    assert Condition.parse(f"{added}:2") == Condition(added, 2)
    assert Condition(added, 3) in suite_at(3)
    assert len(contact_sheet(image, tile=TILE)) == HEADER + TILE * (len(KINDS) + 1)
    with pytest.raises(UsageError, match="did you mean 'inverted'"):
        apply(image, "inverter", 3, rng)


def test_a_kind_is_registered_once(added: str) -> None:
    with pytest.raises(ValueError, match="distortion 'inverted' is registered twice"):
        registry.distortion(added)(registry.get("foggy"))


# --- names --------------------------------------------------------------------------------------


@given(st.sampled_from(KINDS), st.text(st.characters(exclude_characters="/\0"), min_size=1))
def test_a_name_carries_its_kind(kind: str, stem: str) -> None:
    assert kind_of(distorted_name(stem, kind)) == kind
    assert kind_of(Path("folder_foggy") / distorted_name(stem, kind, ".png")) == kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_is_the_stem_and_the_kind(kind: str) -> None:
    assert distorted_name("Al_Gore_0001", kind) == f"Al_Gore_0001_{kind}.jpg"
    assert distorted_name("Al_Gore_0001", kind, ".png") == f"Al_Gore_0001_{kind}.png"


@pytest.mark.parametrize(
    "name",
    ["Al_Gore_0001.jpg", "photo.jpg", "foggy_0001.jpg", "x_foggy_2.jpg", "xfoggy.jpg", "x_fog.jpg"],
)
def test_a_name_without_a_kind(name: str) -> None:
    assert kind_of(name) is None


# --- conditions and suites ----------------------------------------------------------------------


@given(st.sampled_from(KINDS), st.floats(1, 5) | st.integers(1, 5))
def test_a_condition_can_be_written_and_read_back(kind: str, severity: float) -> None:
    condition = Condition(kind, severity)
    assert Condition.parse(str(condition)) == condition


@pytest.mark.parametrize(
    ("severity", "text"), [(3, "noisy:3"), (3.0, "noisy:3"), (2.5, "noisy:2.5"), (4.1, "noisy:4.1")]
)
def test_a_condition_is_written_short(severity: float, text: str) -> None:
    assert str(Condition("noisy", severity)) == text


@pytest.mark.parametrize(
    "text", ["noisy", "noisy:", "noisy:much", "noisy:0", "noisy:5.1", "noisy:nan", "noisy:3:4", ""]
)
def test_text_that_is_no_condition(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Condition.parse(text)
    assert str(caught.value) == f"{text!r} is no condition: give KIND:SEVERITY, such as noisy:3"


def test_a_condition_of_an_unknown_kind() -> None:
    with pytest.raises(UsageError) as caught:
        Condition.parse("noisi:3")
    assert str(caught.value) == (
        f"no distortion 'noisi', there are {', '.join(KINDS)}; did you mean 'noisy'?"
    )


@pytest.mark.parametrize("severity", range(1, 6))
def test_a_suite_of_one_severity_has_every_kind(severity: int) -> None:
    expected = tuple(Condition(kind, severity) for kind in KINDS)
    assert SUITES[f"severity{severity}"] == suite_at(severity) == expected


def test_the_standard_suite_has_every_kind_at_every_severity() -> None:
    expected = {Condition(kind, severity) for kind in KINDS for severity in range(1, 6)}
    assert set(SUITES["standard"]) == expected
    assert len(SUITES["standard"]) == len(expected)
    assert set(SUITES) == {"standard", *(f"severity{severity}" for severity in range(1, 6))}


@pytest.mark.parametrize("name", SUITES)
def test_every_condition_of_a_suite_can_be_applied(name: str, texture: RGBImage) -> None:
    for condition in SUITES[name]:
        assert Condition.parse(str(condition)) == condition
        rng = rng_for(0, str(condition))
        assert apply(texture, condition.kind, condition.severity, rng).shape == texture.shape


def test_suites_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        SUITES["mine"] = ()  # type: ignore[index]


# --- contact sheet ------------------------------------------------------------------------------


def tiles(sheet: RGBImage, width: int) -> list[list[RGBImage]]:
    """The pictures of a sheet: a row for each kind, a column for clean and each severity."""
    body = sheet[HEADER:, MARGIN:]
    return [
        [
            body[row * TILE : (row + 1) * TILE, column * width : (column + 1) * width]
            for column in range(6)
        ]
        for row in range(len(KINDS))
    ]


@pytest.mark.parametrize(("height", "width"), [(60, 60), (90, 45), (45, 90), (1, 1), (2, 3)])
def test_a_contact_sheet_has_a_row_a_kind(height: int, width: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    sheet = contact_sheet(image, tile=TILE)
    assert sheet.shape == (HEADER + TILE * len(KINDS), MARGIN + 6 * round(TILE * width / height), 3)
    assert sheet.dtype == np.uint8


def test_a_contact_sheet_shows_every_kind_and_severity() -> None:
    image = np.random.default_rng(0).integers(0, 256, (TILE, TILE, 3), dtype=np.uint8)
    pictures = tiles(contact_sheet(image, seed=4, tile=TILE), TILE)
    for kind, (clean, *distorted) in zip(KINDS, pictures, strict=True):
        np.testing.assert_array_equal(clean, image)
        for severity, picture in enumerate(distorted, start=1):
            np.testing.assert_array_equal(picture, apply(image, kind, severity, rng_for(4, kind)))
    different = {picture.tobytes() for _, *distorted in pictures for picture in distorted}
    assert len(different) == 5 * len(KINDS)
    assert image.tobytes() not in different


def test_a_contact_sheet_names_its_rows_and_columns(texture: RGBImage) -> None:
    sheet = contact_sheet(texture, tile=TILE)
    labels = sheet[HEADER:, :MARGIN].reshape(len(KINDS), TILE, MARGIN, 3)
    assert len({label.tobytes() for label in labels}) == len(KINDS)
    for label in labels:
        assert label.min() < 100
        # The text ends before the pictures begin.
        assert (label[:, -2:] == 255).all()
    width = (sheet.shape[1] - MARGIN) // 6
    names = sheet[:HEADER, MARGIN:].reshape(HEADER, 6, width, 3).transpose(1, 0, 2, 3)
    assert len({name.tobytes() for name in names}) == 6


def test_a_contact_sheet_depends_on_its_seed_alone(texture: RGBImage) -> None:
    first = contact_sheet(texture, 1, tile=TILE)
    np.testing.assert_array_equal(first, contact_sheet(texture, 1, tile=TILE))
    assert not np.array_equal(first, contact_sheet(texture, 2, tile=TILE))
