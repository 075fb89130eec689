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
    variants,
)
from steadyface.distortions.suites import suite_at
from steadyface.errors import UsageError
from steadyface.types import RGBImage

FAMILIES = {"blurred", "foggy", "lowlight", "noisy", "rainy", "resized", "sunny"}
#: Every kind in each of its variants, None for a kind that has none.
FORMS = [(kind, variant) for kind in KINDS for variant in variants(kind)]


@pytest.fixture
def open_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is registered in a test is forgotten after it."""
    copied = {kind: dict(functions) for kind, functions in registry._REGISTRY.items()}
    monkeypatch.setattr(registry, "_REGISTRY", copied)


@pytest.fixture
def added(open_registry: None) -> str:
    """A kind that is registered for one test."""

    @registry.distortion("inverted")
    def inverted(image: RGBImage, severity: float, rng: np.random.Generator) -> RGBImage:
        share = severity / 5
        return np.rint(image * (1 - share) + (255 - image.astype(float)) * share).astype(np.uint8)

    return "inverted"


@pytest.fixture
def striped(open_registry: None) -> str:
    """A kind of two variants that is registered for one test."""

    @registry.distortion("striped", "rows")
    def rows(image: RGBImage, severity: float, rng: np.random.Generator) -> RGBImage:
        result = image.copy()
        result[:: int(rng.integers(2, 4))] = 0
        return result

    @registry.distortion("striped", "columns")
    def columns(image: RGBImage, severity: float, rng: np.random.Generator) -> RGBImage:
        return np.ascontiguousarray(rows(image.transpose(1, 0, 2), severity, rng).swapaxes(0, 1))

    return "striped"


# --- completeness -------------------------------------------------------------------------------


def test_the_seven_families_are_there() -> None:
    assert set(KINDS) >= FAMILIES
    assert list(KINDS) == sorted(set(KINDS))
    assert registry.kinds() == KINDS


def declared_forms() -> Iterator[tuple[str, str | None]]:
    """Every `@distortion(KIND)` and `@distortion(KIND, VARIANT)` in the package's files.

    Whether they are imported or not.
    """
    for module in pkgutil.iter_modules(package.__path__):
        source = Path(package.__path__[0], f"{module.name}.py").read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            for decorator in getattr(node, "decorator_list", []):
                match decorator:
                    case ast.Call(func=ast.Name(id="distortion"), args=arguments):
                        kind, variant, *_ = [ast.literal_eval(a) for a in arguments] + [None]
                        yield kind, variant


def test_every_kind_that_is_declared_is_registered() -> None:
    # In the order of the file, which decides the variant that a seed chooses.
    assert sorted(declared_forms(), key=lambda form: form[0]) == FORMS


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
    assert len(contact_sheet(image, tile=64)) // 64 == len(FORMS) + 1
    with pytest.raises(UsageError, match="did you mean 'inverted'"):
        apply(image, "inverter", 3, rng)


def test_a_kind_is_registered_once(added: str, striped: str) -> None:
    function = registry.get("foggy")
    for names, message in (
        ((added,), "distortion 'inverted' is registered twice"),
        ((striped, "rows"), "distortion 'striped: rows' is registered twice"),
        ((striped,), "distortion 'striped' is registered with a variant and without one"),
        ((added, "rows"), "distortion 'inverted' is registered with a variant and without one"),
    ):
        with pytest.raises(ValueError) as caught:
            registry.distortion(*names)(function)
        assert str(caught.value) == message
    assert (variants(added), variants(striped)) == ((None,), ("rows", "columns"))


# --- variants -----------------------------------------------------------------------------------


def test_the_kinds_have_the_variants_that_their_page_names() -> None:
    several = {kind: variants(kind) for kind in KINDS if variants(kind) != (None,)}
    assert several == {
        "blurred": ("gaussian", "defocus", "motion"),
        "noisy": ("gaussian", "shot", "speckle", "salt_and_pepper"),
    }
    page = (Path(__file__).parents[2] / "docs" / "distortions.md").read_text(encoding="utf-8")
    for kind, names in several.items():
        row = next(line for line in page.splitlines() if line.startswith(f"| {kind} |"))
        for name in names:
            assert str(name).replace("_", "-") in row


def variant_taken(image: RGBImage, kind: str, seed: int) -> str | None:
    """The variant that, asked for, gives the image that the seed gives without asking."""
    whole = apply(image, kind, 3, np.random.default_rng(seed))
    names = [
        name
        for name in variants(kind)
        if np.array_equal(apply(image, kind, 3, np.random.default_rng(seed), variant=name), whole)
    ]
    assert len(names) == 1
    return names[0]


@pytest.mark.parametrize("kind", KINDS)
def test_asking_for_the_variant_that_would_be_taken_changes_nothing(
    kind: str, texture: RGBImage
) -> None:
    taken = {variant_taken(texture, kind, seed) for seed in range(24)}
    assert taken == set(variants(kind))


#: The first seeds that take a variant.
SEEDS_OF: dict[tuple[str, str | None], list[int]] = {
    ("blurred", "gaussian"): [11, 14, 21],
    ("blurred", "defocus"): [1, 6, 9],
    ("blurred", "motion"): [0, 2, 3],
    ("noisy", "gaussian"): [11, 14, 23],
    ("noisy", "shot"): [1, 6, 9],
    ("noisy", "speckle"): [4, 5, 8],
    ("noisy", "salt_and_pepper"): [0, 2, 3],
}


@pytest.mark.parametrize(("kind", "variant"), [form for form in FORMS if form[1] is not None])
def test_the_variant_that_a_seed_takes_is_fixed_for_good(
    kind: str, variant: str, texture: RGBImage
) -> None:
    # Written down once: results of one release are to be had again with the next.
    seeds = SEEDS_OF[kind, variant]
    assert [variant_taken(texture, kind, seed) for seed in seeds] == [variant] * 3


def test_a_variant_costs_the_draws_of_one_taken_at_random(striped: str) -> None:
    image = np.full((6, 6, 3), 200, dtype=np.uint8)
    states = set()
    for variant in (None, *variants(striped)):
        rng = np.random.default_rng(0)
        apply(image, striped, 3, rng, variant=variant)
        states.add(rng.random())
    assert len(states) == 1
    rows, columns = (
        apply(image, striped, 3, np.random.default_rng(0), variant=name)
        for name in ("rows", "columns")
    )
    np.testing.assert_array_equal(rows, columns.swapaxes(0, 1))


@pytest.mark.parametrize(
    ("kind", "variant", "message"),
    [
        (
            "blurred",
            "moton",
            "no variant of blurred 'moton', there are gaussian, defocus, motion; did you mean "
            "'motion'?",
        ),
        ("blurred", "", "no variant of blurred '', there are gaussian, defocus, motion"),
        ("foggy", "thick", "no variant of foggy 'thick', there are none; leave it out"),
    ],
)
def test_an_unknown_variant(kind: str, variant: str, message: str, texture: RGBImage) -> None:
    with pytest.raises(UsageError) as caught:
        apply(texture, kind, 3, np.random.default_rng(0), variant=variant)
    assert str(caught.value) == message


def test_variants_of_an_unknown_kind() -> None:
    with pytest.raises(UsageError) as caught:
        variants("noisi")
    assert str(caught.value) == (
        f"no distortion 'noisi', there are {', '.join(KINDS)}; did you mean 'noisy'?"
    )


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


@pytest.mark.parametrize("text", ["noisy", "noisy:", "noisy:much", "noisy:3:4", "snow", ":", ""])
def test_text_that_is_no_condition(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Condition.parse(text)
    assert str(caught.value) == f"{text!r} is no condition: give KIND:SEVERITY, such as noisy:3"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("strength", "shown"),
    [
        ("9", "9"),
        ("0", "0"),
        ("5.1", "5.1"),
        ("-1.0", "-1"),
        ("5.0000001", "5.0000001"),
        ("nan",) * 2,
    ],
)
def test_a_condition_out_of_range(kind: str, strength: str, shown: str) -> None:
    with pytest.raises(UsageError) as caught:
        Condition.parse(f"{kind}:{strength}")
    assert str(caught.value) == f"{kind}: severity {shown} is out of range; give 1 to 5"


def test_a_condition_of_an_unknown_kind() -> None:
    for text in ("noisi:3", "noisi:9"):
        with pytest.raises(UsageError) as caught:
            Condition.parse(text)
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
