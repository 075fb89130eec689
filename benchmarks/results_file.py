"""A benchmark's result file: kept after every step, gone on from when started again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steadyface.evaluation.output import provenance, write_json
from steadyface.models.catalog import load_catalog
from steadyface.models.digests import graph_digests

RESULTS = Path(__file__).parent / "results"


class ResultFile:
    """One JSON document under `results/`.

    Attributes:
        data: its content; `command` and `made_by` stand in it from the start.

    Args:
        name: of the file, without its ending.
        command: that makes it.
        model_id: the model that is measured.
        options: what else decides the result.
        detector_id: the detector before a face network; None takes the default one.
    """

    def __init__(
        self,
        name: str,
        command: str,
        model_id: str,
        options: Mapping[str, Any],
        *,
        detector_id: str | None = None,
    ) -> None:
        self._file = RESULTS / f"{name}.json"
        detector = load_catalog().choose("detector", detector_id).id
        graphs = graph_digests(model_id, detector)
        made_by = provenance(model_id, options) | {
            "graph_sha256": graphs["network"],
            "detector": detector,
            "detector_sha256": graphs["detector"],
            "face_check_sha256": graphs["face_check"],
        }
        self.data: dict[str, Any] = {"command": command, "made_by": made_by}
        if self._file.is_file():
            self.data = json.loads(self._file.read_text(encoding="utf-8"))
            if self.data["made_by"] != made_by:
                raise SystemExit(
                    f"{self._file}: made with other versions or options; move it away to measure "
                    "anew"
                )

    def section(self, name: str) -> dict[str, Any]:
        """A part of the document, empty at first; call `save` after changing it."""
        part: dict[str, Any] = self.data.setdefault(name, {})
        return part

    def save(self) -> None:
        """Write the document."""
        write_json(self._file, self.data)
