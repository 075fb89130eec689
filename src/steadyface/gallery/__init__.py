"""Galleries: where identities and their references are kept between runs.

`open_gallery` opens one; `Gallery` says what it does, whatever store is behind it.
"""

from steadyface.gallery.contract import Gallery, GalleryMode
from steadyface.gallery.factory import open_gallery
from steadyface.gallery.values import (
    START,
    AuditAction,
    AuditEntry,
    Changes,
    Counts,
    Duplicate,
    Enrolled,
    IdentitySummary,
    Mark,
    NewPerson,
    Pruned,
    Replaced,
    Stats,
    StoredReference,
)

__all__ = [
    "START",
    "AuditAction",
    "AuditEntry",
    "Changes",
    "Counts",
    "Duplicate",
    "Enrolled",
    "Gallery",
    "GalleryMode",
    "IdentitySummary",
    "Mark",
    "NewPerson",
    "Pruned",
    "Replaced",
    "Stats",
    "StoredReference",
    "open_gallery",
]
