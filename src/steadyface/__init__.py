"""steadyface: gender classification and face matching that stay useful when the images are bad.

The names below are loaded when first used, so `import steadyface` stays quick and opens nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from steadyface._version import __version__

if TYPE_CHECKING:
    from steadyface.errors import SteadyfaceError
    from steadyface.gallery import open_gallery
    from steadyface.imaging.drawing import draw_faces
    from steadyface.matching.calibration import DecisionRule
    from steadyface.pipeline import Analyzer
    from steadyface.recognition import Recognizer, verify

_HOMES = {
    "Analyzer": "steadyface.pipeline",
    "DecisionRule": "steadyface.matching.calibration",
    "Recognizer": "steadyface.recognition",
    "SteadyfaceError": "steadyface.errors",
    "draw_faces": "steadyface.imaging.drawing",
    "open_gallery": "steadyface.gallery",
    "verify": "steadyface.recognition",
}

__all__ = [
    "Analyzer",
    "DecisionRule",
    "Recognizer",
    "SteadyfaceError",
    "__version__",
    "draw_faces",
    "open_gallery",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'steadyface' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
