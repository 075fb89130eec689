"""Every command is reached by these tests: one that is missing from a table fails them."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest

import steadyface.cli
from steadyface._version import __version__
from steadyface.cli.main import COMMANDS, cli
from steadyface.evaluation.embedding import DETECTIONS
from steadyface.evaluation.robustness.cells import CAUSES, Cell, Figure
from steadyface.evaluation.robustness.facts import dataset_facts
from steadyface.evaluation.robustness.run import Robustness
from steadyface.gallery import open_gallery
from steadyface.gallery.keys import write_new_key
from steadyface.gallery.transfer import export_gallery

Command = Callable[..., Any]
Paint = Callable[..., Path]

#: Every command that prints results, with arguments that make it answer yes.
PRINTING: dict[str, list[str]] = {
    "detect": ["people/Ann"],
    "gender": ["people/Ann"],
    "verify": ["people/Ann/1.png", "people/Ann/2.png"],
    "enroll": ["people", "--gallery", "new.db"],
    "match": ["people/Ann", "--gallery", "people.db"],
    "gallery list": ["--gallery", "people.db"],
    "gallery show": ["Ann", "--gallery", "people.db"],
    "gallery rename": ["Ann", "Zoe", "--gallery", "people.db"],
    "gallery remove": ["Ann", "Ben", "--gallery", "people.db"],
    "gallery stats": ["--gallery", "people.db"],
    "gallery check": ["--gallery", "people.db"],
    "gallery audit": ["--gallery", "people.db"],
    "gallery describe": ["Ann", "team=blue", "--gallery", "people.db"],
    "gallery remove-reference": ["Ann", "1", "--gallery", "people.db"],
    "gallery export": ["out.zip", "--gallery", "people.db"],
    "gallery import": ["people.zip", "--gallery", "new.db"],
    "gallery prune": ["--older-than", "1y", "--gallery", "people.db"],
    "gallery re-embed": ["--images", "people", "--gallery", "people.db"],
    "gallery new-key": ["new.key"],
    "gallery rotate-key": ["--new-key-file", "gallery.key", "--gallery", "people.db"],
    "evaluate gender": ["genders"],
    "evaluate match": ["probes", "--unknown", "genders/male"],
    "evaluate pairs": ["pairs.txt", "lfw"],
    "evaluate robustness": [
        *("genders", "--output", "r", "--kind", "foggy", "--severity", "1"),
    ],
    "evaluate fairness": ["genders", "--output", "f", "--table", "groups.csv", "--group", "age"],
    "compare": ["result.json", "result.json"],
    "models list": [],
    "models fetch": [],
    "models verify": [],
    "models thresholds": [],
}
#: Every command whose results are files.
WRITING: dict[str, list[str]] = {"distort": ["people/Ann", "out", "--kind", "foggy"]}
#: Commands that train; each has a smoke test of its own, in `test_cli_train.py` or, the last, in
#: `training/gender/test_train_gender.py`.
TRAINING = ("train detector", "train embedder", "train gender")
#: Commands on many images, which show how far they are.
LONG = [
    "detect",
    "gender",
    "enroll",
    "match",
    "gallery re-embed",
    "distort",
    "evaluate gender",
    "evaluate match",
    "evaluate pairs",
    "evaluate robustness",
    "evaluate fairness",
]


def leaves(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if not isinstance(command, click.Group):
        yield words
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from leaves(inner, (*words, name))


ALL = [" ".join(words) for words in leaves(cli)]


def command_of(words: str) -> click.Command:
    found: click.Command = cli
    for word in words.split():
        assert isinstance(found, click.Group)
        inner = found.get_command(click.Context(found), word)
        assert inner is not None
        found = inner
    return found


@pytest.fixture
def in_a_folder_of_everything(
    gallery: Path, people: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the arguments in the tables name, relative to the working folder."""
    root = people.parent
    for name in ("Ann", "Ben"):
        degrees = 0 if name == "Ann" else 90
        paint(root / "probes" / name / "1.png", degrees=degrees)
        paint(root / "probes" / name / "distortion" / "1_noisy.png", degrees=degrees)
        for number in (1, 2):
            paint(root / "lfw" / name / f"{name}_000{number}.jpg", degrees=degrees)
    paint(root / "genders" / "female" / "a.png", degrees=180, blue=200)
    paint(root / "genders" / "male" / "b.png", degrees=180, blue=20)
    (root / "pairs.txt").write_text("2 1\nAnn 1 2\nAnn 1 Ben 1\nBen 1 2\nBen 2 Ann 2\n")
    (root / "groups.csv").write_text("image,age\na.png,old\nb.png,young\n")
    names = ("female", "male")
    cell = Cell(
        *("clean", 0.0, 2, {"accuracy": Figure(0.5)}),
        *(dict.fromkeys(CAUSES, 0), dict.fromkeys(DETECTIONS, 0)),
        *({name: [1] for name in names}, [0.0, 1.0]),
        right="10",
    )
    made = {"model": "m", "options": {}}
    result = Robustness(
        *("gender", ("accuracy",), names, "P(female)", (cell,), made, "data"),
        dataset=dataset_facts({"female": 1, "male": 1}),
    )
    with open_gallery(gallery, model_id=None) as opened:
        export_gallery(opened, root / "people.zip")
    write_new_key(root / "gallery.key")
    (root / "result.json").write_text(json.dumps(result.as_json()))
    monkeypatch.chdir(root)


def test_a_verb_is_a_row_and_a_file() -> None:
    files = {module.name for module in pkgutil.iter_modules(steadyface.cli.__path__)}
    commands = {
        name for name in files if hasattr(import_module(f"steadyface.cli.{name}"), "command")
    }
    assert commands == set(COMMANDS)
    assert {words.split()[0] for words in ALL} == set(COMMANDS)


def test_every_command_is_in_a_table() -> None:
    assert sorted(ALL) == sorted([*PRINTING, *WRITING, *TRAINING])


def test_the_help_page_lists_every_verb(steadyface: Command) -> None:
    run = steadyface("--help")
    assert (run.status, run.err) == (0, "")
    listed = run.out.partition("Commands:\n")[2]
    lines = [line.split(maxsplit=1) for line in listed.splitlines()]
    assert dict(lines) == COMMANDS
    assert list(dict(lines)) == list(COMMANDS)


@pytest.mark.parametrize("words", ["", *ALL, "evaluate", "gallery", "models", "train"])
def test_every_command_has_help(steadyface: Command, words: str) -> None:
    for option in ("-h", "--help"):
        run = steadyface(*words.split(), option)
        assert (run.status, run.err) == (0, "")
        assert run.out.startswith(f"Usage: {' '.join(['steadyface', *words.split()])} ")
    command = command_of(words)
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{words} {parameter.opts[0]} says nothing of itself"


@pytest.mark.parametrize("words", ALL)
def test_an_option_that_does_not_exist(steadyface: Command, words: str) -> None:
    run = steadyface(*words.split(), "--nonsense")
    assert (run.status, run.out) == (2, "")
    assert "No such option" in run.err and "--nonsense" in run.err


def with_marks(table: dict[str, list[str]]) -> list[Any]:
    marks = {"models fetch": pytest.mark.models, "models verify": pytest.mark.models}
    return [pytest.param(words, marks=marks.get(words, ())) for words in table]


@pytest.mark.parametrize("words", with_marks(PRINTING))
@pytest.mark.usefixtures("in_a_folder_of_everything")
def test_results_are_one_json_document_and_nothing_else(steadyface: Command, words: str) -> None:
    if words == "models verify":
        steadyface("models", "fetch")
    run = steadyface(*words.split(), *PRINTING[words], "--json")
    assert run.err == ""
    assert run.status == 0
    assert isinstance(run.json, dict | list) and run.json


@pytest.mark.parametrize("words", with_marks(PRINTING))
@pytest.mark.usefixtures("in_a_folder_of_everything")
def test_results_are_text_without_the_option(steadyface: Command, words: str) -> None:
    run = steadyface(*words.split(), *PRINTING[words])
    assert run.err == ""
    assert run.status == 0
    assert run.out.strip()
    with pytest.raises(json.JSONDecodeError):
        json.loads(run.out)


@pytest.mark.parametrize("words", WRITING)
@pytest.mark.usefixtures("in_a_folder_of_everything")
def test_commands_that_write_files_print_nothing(steadyface: Command, words: str) -> None:
    run = steadyface(*words.split(), *WRITING[words])
    assert (run.status, run.out, run.err) == (0, "", "")


@pytest.mark.parametrize("words", LONG)
@pytest.mark.usefixtures("in_a_folder_of_everything")
def test_progress_shows_on_a_terminal(
    steadyface: Command, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    run = steadyface(*words.split(), *(PRINTING | WRITING)[words])
    assert run.status == 0
    assert run.err.startswith("\r") and "/s]" in run.err
    assert "\r" not in run.out


def test_version(steadyface: Command) -> None:
    run = steadyface("--version")
    assert (run.status, run.out) == (0, f"steadyface, version {__version__}\n")


def test_an_unknown_verb(steadyface: Command) -> None:
    run = steadyface("gendr")
    assert (run.status, run.out) == (2, "")
    assert "No such command 'gendr'" in run.err
    assert "Try 'steadyface --help' for help." in run.err


def test_no_verb_at_all_is_wrong_use_and_shows_the_help(steadyface: Command) -> None:
    run = steadyface()
    assert run.status == 2
    assert all(verb in run.out + run.err for verb in COMMANDS)


def test_help_imports_no_verb() -> None:
    program = (
        "import sys\n"
        "from steadyface.cli.main import cli\n"
        "try:\n    cli(['--help'])\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'numpy', 'cv2', 'onnxruntime', 'PIL', 'tqdm'} & set(sys.modules)\n"
        "verbs = [m for m in sys.modules if m.startswith('steadyface.cli.')]\n"
        "print(sorted(heavy), sorted(verbs), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr == "[] ['steadyface.cli.main', 'steadyface.cli.status']\n"
