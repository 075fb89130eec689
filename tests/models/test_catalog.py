"""The packaged catalog, entry by entry, and what malformed ones are told."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import onnx
import pytest

from steadyface.distortions import KINDS
from steadyface.errors import ModelError, UnknownModelError
from steadyface.models.catalog import (
    Catalog,
    HttpsOrigin,
    ModelEntry,
    Preprocessing,
    Role,
    WeightFile,
    WheelOrigin,
    load_catalog,
    parse_catalog,
)
from steadyface.models.graphs import verify_graph
from steadyface.models.store import FileState

CATALOG = load_catalog()
DATA = resources.files("steadyface.models") / "data"
#: The SPDX names that weights may carry here: those that allow use and redistribution.
LICENCES = {"Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause"}

each_model = pytest.mark.parametrize("entry", CATALOG.models, ids=lambda entry: entry.id)
each_file = pytest.mark.parametrize("file", CATALOG.weight_files, ids=lambda file: file.name)


# --- what ships -----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", get_args(Role))
def test_every_role_has_exactly_one_default(role: Role) -> None:
    defaults = [entry for entry in CATALOG.models if entry.role == role and entry.default]
    assert len(defaults) == 1
    assert CATALOG.default(role) is defaults[0]


def test_ids_and_names_are_unique() -> None:
    names = [entry.id for entry in CATALOG.models] + [file.name for file in CATALOG.weight_files]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_every_weight_file_belongs_to_a_model() -> None:
    used = {entry.weights for entry in CATALOG.models if entry.weights is not None}
    assert used == {file.name for file in CATALOG.weight_files}


def test_graphs_and_cards_are_in_the_package() -> None:
    assert str(CATALOG.folder) == str(DATA)


@each_model
def test_model_has_its_graph_and_preprocessing(entry: ModelEntry) -> None:
    assert entry.role in get_args(Role)
    assert entry.default in (True, False)
    assert entry.licence in LICENCES
    assert (DATA / entry.graph).is_file()
    if entry.weights is not None:
        assert entry.licence == CATALOG.weight_file(entry.weights).licence
    assert len(entry.preprocessing.mean) == len(entry.preprocessing.scale) == 3
    assert all(factor > 0 for factor in entry.preprocessing.scale)


@each_model
def test_graph_holds_its_weights_or_points_only_into_the_weight_file_of_its_entry(
    entry: ModelEntry,
) -> None:
    model = onnx.load_model_from_string((DATA / entry.graph).read_bytes())
    places = [
        {pair.key: pair.value for pair in tensor.external_data}
        for tensor in model.graph.initializer
        if tensor.data_location == onnx.TensorProto.EXTERNAL
    ]
    if entry.weights is None:
        assert places == []
        assert verify_graph(entry, CATALOG) is FileState.OK
        return
    file = CATALOG.weight_file(entry.weights)
    assert places
    assert {place["location"] for place in places} == {file.name}
    assert all(int(place["offset"]) + int(place["length"]) <= file.size for place in places)


@each_model
def test_labels_of_distortion_are_those_of_the_graphs_head(entry: ModelEntry) -> None:
    model = onnx.load_model_from_string((DATA / entry.graph).read_bytes())
    widths = [
        output.type.tensor_type.shape.dim[1].dim_value
        for output in model.graph.output
        if output.name == "distortion"
    ]
    assert widths == ([len(entry.distortions)] if entry.distortions else [])
    assert entry.distortions in ((), ("clean", *KINDS))


@each_model
def test_model_card_says_what_a_user_must_know(entry: ModelEntry) -> None:
    card = DATA / entry.card
    assert card.is_file(), f"{entry.id} has no model card {entry.card}"
    text = card.read_text(encoding="utf-8")
    base = r"(?i)base model"
    if entry.weights is not None:
        base = re.escape(CATALOG.weight_file(entry.weights).source.split(",")[0])
    for what, pattern in {
        "the model": re.escape(entry.id),
        "the base model": base,
        "the licence": re.escape(entry.licence),
        "the training data": r"(?i)training data|trained on",
        "the command that made it": r"python -m steadyface\.training|steadyface train \w+ DATA",
        "the date and seed": r"date, seed \| 20\d\d-\d\d-\d\d",
        "a result": r"benchmarks/results/\w+\.json",
        "its limits": r"## Limits",
    }.items():
        assert re.search(pattern, text), f"{entry.card} does not name {what}"


@each_file
def test_weight_file_can_be_checked_and_had_in_several_ways(file: WeightFile) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
    assert file.size > 0
    assert file.licence in LICENCES
    assert file.source
    assert file.name == Path(file.name).name
    assert len({type(origin) for origin in file.origins}) >= 2


@each_file
def test_origins_name_the_file_and_are_pinned(file: WeightFile) -> None:
    for origin in file.origins:
        if isinstance(origin, HttpsOrigin):
            assert origin.url.startswith("https://")
            assert origin.url.endswith(f"/{file.name}")
            assert str(origin) == origin.url
        else:
            assert re.fullmatch(r"[a-z0-9-]+==[0-9.]+", origin.requirement)
            assert origin.member.endswith(f"/{file.name}")
            assert str(origin) == f"the wheel {origin.requirement}"


@each_model
def test_models_are_found_by_id(entry: ModelEntry) -> None:
    assert CATALOG.model(entry.id) is entry
    assert CATALOG.choose(entry.role, entry.id) is entry


# --- what is not there ----------------------------------------------------------------------------


def entry(model_id: str, role: Role, *, default: bool = False) -> ModelEntry:
    recipe = Preprocessing("RGB", (0, 0, 0), (1, 1, 1))
    return ModelEntry(model_id, role, default, "g.onnx", "MIT", "c.md", recipe, weights="w.onnx")


SMALL = Catalog(
    (entry("sface-base", "face-network", default=True), entry("yunet-base", "detector")),
    tuple(
        WeightFile(name, "0" * 64, 1, "MIT", "Zoo", (HttpsOrigin("https://a/b"),))
        for name in ("a.onnx", "b.onnx")
    ),
)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: SMALL.model("sface-bass"),
            "no model 'sface-bass', there are sface-base, yunet-base; did you mean 'sface-base'?",
        ),
        (lambda: SMALL.model("zzz"), "no model 'zzz', there are sface-base, yunet-base"),
        (
            lambda: SMALL.weight_file("c"),
            "no weight file 'c' in the catalog, there are a.onnx, b.onnx",
        ),
        (
            lambda: SMALL.weight_file(None),
            "the model's graph holds its weights: it has no weight file",
        ),
        (
            lambda: SMALL.default("detector"),
            "the catalog has no default detector; name one: yunet-base",
        ),
        (
            lambda: SMALL.choose("face-network", "yunet-base"),
            "model 'yunet-base' is a detector, not a face-network; name one: sface-base",
        ),
        (
            lambda: replace(SMALL, models=()).default("detector"),
            "the catalog has no default detector; name one: there is none",
        ),
    ],
)
def test_unknown_names(call: Callable[[], object], message: str) -> None:
    with pytest.raises(UnknownModelError) as caught:
        call()
    assert str(caught.value) == message


def test_choose_takes_the_default_where_no_id_is_given() -> None:
    assert SMALL.choose("face-network", None) is SMALL.models[0]


# --- malformed ----------------------------------------------------------------------------------


def plain() -> dict[str, Any]:
    """The packaged catalog as JSON data."""
    data: dict[str, Any] = json.loads((DATA / "catalog.json").read_text(encoding="utf-8"))
    return data


def test_parsing_reads_every_field() -> None:
    data = plain()
    model, file = data["models"][0], data["weights"][0]
    model["preprocessing"] = {"colour": "BGR", "mean": [1, 2, 3], "scale": [4, 5, 6]}
    catalog = parse_catalog(json.dumps(data))
    assert catalog.models[0].preprocessing == Preprocessing("BGR", (1.0, 2.0, 3.0), (4.0, 5.0, 6.0))
    for key in ("id", "role", "default", "graph", "weights", "licence", "card"):
        assert getattr(catalog.models[0], key) == model[key]
    assert (catalog.models[0].sha256, catalog.models[0].distortions) == (None, ())
    for key in ("name", "sha256", "size", "licence", "source"):
        assert getattr(catalog.weight_files[0], key) == file[key]
    first, second = file["origins"]
    assert catalog.weight_files[0].origins == (
        HttpsOrigin(first["url"]),
        WheelOrigin(second["requirement"], second["member"]),
    )


def test_parsing_reads_a_self_contained_graph() -> None:
    data = plain()
    del data["models"][0]["weights"]
    data["models"][0] |= {"sha256": "0f" * 32, "distortions": ["clean", "foggy"]}
    entry = parse_catalog(json.dumps(data)).models[0]
    assert (entry.weights, entry.sha256) == (None, "0f" * 32)
    assert entry.distortions == ("clean", "foggy")


def test_parsing_reads_how_a_face_check_weighs_evidence() -> None:
    data = plain()
    assert parse_catalog(json.dumps(data)).models[1].evidence is None
    data["models"][1]["evidence"] = [1, 0.5, -0.25]
    assert parse_catalog(json.dumps(data)).models[1].evidence == (1.0, 0.5, -0.25)


SPOILERS: dict[str, Callable[[dict[str, Any]], object]] = {
    "KeyError('models')": lambda d: d.pop("models"),
    "KeyError('weights')": lambda d: d.pop("weights"),
    "KeyError('preprocessing')": lambda d: d["models"][0].pop("preprocessing"),
    "KeyError('origins')": lambda d: d["weights"][0].pop("origins"),
    "KeyError('kind')": lambda d: d["weights"][0]["origins"][0].pop("kind"),
    "missing 1 required positional argument: 'card'": lambda d: d["models"][0].pop("card"),
    "missing 1 required positional argument: 'sha256'": lambda d: d["weights"][0].pop("sha256"),
    "missing 1 required positional argument: 'mean'": lambda d: d["models"][0]["preprocessing"].pop(
        "mean"
    ),
    "unexpected keyword argument 'colour_order'": lambda d: d["models"][0].update(colour_order=1),
    "unexpected keyword argument 'md5'": lambda d: d["weights"][0].update(md5="0"),
    "unexpected keyword argument 'gamma'": lambda d: d["models"][0]["preprocessing"].update(
        gamma=[1]
    ),
    "colour 'HSV' is not RGB or BGR": lambda d: d["models"][0]["preprocessing"].update(
        colour="HSV"
    ),
    "model 'sface-base' needs either weights or the graph's sha256": lambda d: d["models"][0].pop(
        "weights"
    ),
    "'yunet-base' needs either weights or the graph's sha256": lambda d: d["models"][1].update(
        sha256="0" * 64
    ),
    "sha256 '0F' of model 'sface-base' is not 64 hex digits": lambda d: d["models"][0].update(
        sha256="0F", weights=None
    ),
    "not enough values to unpack": lambda d: d["models"][1].update(evidence=[1.0, 2.0]),
    "model 'sface-base' names a distortion twice": lambda d: d["models"][0].update(
        distortions=["foggy", "foggy"]
    ),
    "distortions 'foggy' is not a list of labels": lambda d: d["models"][0].update(
        distortions="foggy"
    ),
    "distortions ['clean', 1] is not a list of labels": lambda d: d["models"][0].update(
        distortions=["clean", 1]
    ),
    "origin kind 'ftp' is not https or wheel": lambda d: d["weights"][0]["origins"][0].update(
        kind="ftp"
    ),
    "could not convert string to float: 'x'": lambda d: d["models"][0]["preprocessing"].update(
        mean=["x"]
    ),
}


@pytest.mark.parametrize("reason", SPOILERS)
def test_malformed_catalog_says_what_is_wrong(reason: str) -> None:
    data = plain()
    SPOILERS[reason](data)
    with pytest.raises(ModelError) as caught:
        parse_catalog(json.dumps(data))
    message = str(caught.value)
    assert message.startswith("the model catalog is malformed (")
    assert reason in message
    assert message.endswith("); install steadyface again")


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"models": [1], "weights": []}'])
def test_text_that_is_no_catalog(text: str) -> None:
    with pytest.raises(ModelError, match=r"^the model catalog is malformed \("):
        parse_catalog(text)
