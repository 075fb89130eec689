"""What the commands on galleries share: opening one, and its values as JSON and words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from steadyface.gallery import Gallery, GalleryMode, IdentitySummary, StoredReference, open_gallery


def opened(gallery_url: str, mode: GalleryMode) -> Gallery:
    """A gallery of whatever model: looking after people needs no network."""
    return open_gallery(gallery_url, model_id=None, mode=mode)


def identity_json(identity: IdentitySummary) -> dict[str, Any]:
    """An identity as a JSON value."""
    return {
        "identity": identity.name,
        "id": identity.id,
        "metadata": identity.metadata,
        "references": identity.references,
        "enrolled_at": identity.enrolled_at.isoformat(),
    }


def reference_json(reference: StoredReference) -> dict[str, Any]:
    """A reference as a JSON value, without its embedding."""
    return {
        "id": reference.id,
        "source": reference.source,
        "enrolled_at": reference.enrolled_at.isoformat(),
        "model": reference.embedding.model_id,
        "quality": None if reference.quality is None else round(reference.quality, 4),
        "calibration": reference.calibration,
        "metadata": reference.metadata,
    }


def reference_line(reference: StoredReference) -> str:
    """A reference on one line; what is not known of it is left out."""
    words = [f"{reference.id:>6}", when(reference.enrolled_at), reference.embedding.model_id]
    if reference.quality is not None:
        words.append(f"quality {reference.quality:.2f}")
    if reference.calibration is not None:
        words.append(f"calibration {reference.calibration}")
    words.append(printable(reference.source))
    return " ".join([*words, *metadata_words(reference.metadata)])


def metadata_words(metadata: Mapping[str, Any]) -> list[str]:
    """Metadata as one word that cannot steer the terminal; none where it is empty."""
    return [printable(json.dumps(metadata, ensure_ascii=False))] if metadata else []


def references(count: int) -> str:
    """`1 reference`, `2 references`."""
    return f"{count} reference{'' if count == 1 else 's'}"


def identities(count: int) -> str:
    """`1 identity`, `2 identities`."""
    return f"{count} {'identity' if count == 1 else 'identities'}"


def when(moment: datetime) -> str:
    """A moment in UTC, to the second."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def printable(text: str) -> str:
    """Text on one line: it may come from another's file and must not steer the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
