"""Who is shown where no table says: what folders tell."""

from __future__ import annotations

from pathlib import Path

from steadyface.evaluation.layouts import PROBE_FOLDER, GenderImage


def person_below(path: Path, root: Path) -> str:
    """The folder below `root` that an image lies in, as one person's; else the image itself.

    A folder of distorted probes is its parent's. Images side by side in `root` are each a person
    of their own, for nothing is known of them.

    Args:
        path: the image.
        root: folder that people's folders, or images, are in.
    """
    folder = path.parent
    if folder != root and folder.name == PROBE_FOLDER:
        folder = folder.parent
    return (path if folder == root else folder).relative_to(root).as_posix()


def person_labelled(image: GenderImage, root: Path) -> str:
    """As `person_below` the folder of the image's gender, or below `root` where there is none."""
    own = root / image.gender
    base = own if own in image.path.parents else root
    return f"{image.gender}/{person_below(image.path, base)}"
