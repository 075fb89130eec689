"""Whether everything that a gallery holds can be read."""

from __future__ import annotations

from steadyface.gallery.contract import Gallery
from steadyface.gallery.values import Counts


def read_everything(gallery: Gallery) -> Counts:
    """Read every template, reference and entry of the audit; opening has checked the storage.

    Returns:
        How much there is.

    Raises:
        GalleryCorruptError: something cannot be read.
    """
    gallery.templates()
    for identity in gallery.identities():
        gallery.references(identity.name)
    gallery.audit()
    return gallery.count()
