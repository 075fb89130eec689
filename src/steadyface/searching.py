"""A gallery's people in memory, in step with the gallery whoever changes it."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from steadyface.gallery.contract import Gallery
from steadyface.gallery.values import START, Changes
from steadyface.matching.index import TemplateIndex
from steadyface.types import Templates

#: People read at a time: what a page holds is in memory beside the index.
PAGE = 4096
_UNREAD = -1


class GallerySearch:
    """Reads a gallery once, and afterwards only who was changed since, by any process.

    May be used from several threads: one brings the index up to date, the others wait for it; an
    index that was handed out goes on answering meanwhile. Where the gallery has gone over to other
    vectors, or was brought back from an older copy, or made anew, as its lower revision tells, all
    of it is read again. One that was made anew and has had as many changes since is not told from
    the one before: make a new search with it.

    Args:
        gallery: whom to search for.
        page: how many people to read at a time.
    """

    def __init__(self, gallery: Gallery, *, page: int = PAGE) -> None:
        self._gallery = gallery
        self._page = page
        self._index = TemplateIndex(gallery.model_id)
        self._mark = START
        #: Of the gallery when it was read.
        self._revision = _UNREAD
        self._lock = Lock()

    def index(self) -> TemplateIndex:
        """The index as the gallery is now; asking for it when nothing changed costs one query.

        Raises:
            GalleryError: the gallery cannot be read; see `Gallery` for its kinds.
        """
        with self._lock:
            revision = self._gallery.revision()
            if revision == self._revision:
                return self._index
            if revision < self._revision:
                self._start_anew()
            pages = self._pages()
            # Not page by page: they are in the order of changes, and the index grows by rising ids.
            self._index.remove(sorted({number for page in pages for number in page.removed}))
            ids, templates = latest(pages)
            if len(ids):
                self._index.update(ids, templates)
            self._mark = pages[-1].mark
            self._revision = max(revision, self._mark.revision)
            return self._index

    def _pages(self) -> list[Changes]:
        """Everything that is newer than what is known, of one model, which is the index's."""
        while True:
            model = self._gallery.model_id
            if model != self._index.model_id:
                # The gallery has gone over to another model: nothing that was read is of use.
                self._start_anew()
            pages = [self._gallery.changes(self._mark, limit=self._page)]
            while not pages[-1].complete:
                pages.append(self._gallery.changes(pages[-1].mark, limit=self._page))
            if self._index.dimension and any(
                page.templates.vectors.shape[1] != self._index.dimension
                for page in pages
                if len(page.templates.owners)
            ):
                # Vectors of another length under the same id. Who has none may be on no page.
                self._start_anew()
            elif {page.templates.model_id for page in pages} == {model}:
                return pages

    def _start_anew(self) -> None:
        self._index, self._mark = TemplateIndex(self._gallery.model_id), START
        self._revision = _UNREAD


def latest(pages: Sequence[Changes]) -> tuple[NDArray[np.int64], Templates]:
    """Everybody of these pages who was not removed by a later one, each as told last.

    Args:
        pages: one or more of one gallery, in order.

    Returns:
        N ids, and N templates aligned with them.
    """
    if len(pages) == 1:
        return pages[0].ids, pages[0].templates
    told = {int(number): page for page, one in enumerate(pages) for number in one.ids}
    for page, one in enumerate(pages):
        for number in one.removed:
            if told.get(number, page) <= page:
                told.pop(number, None)
    kept = [
        np.array([told.get(int(number)) == page for number in one.ids], dtype=np.bool_)
        for page, one in enumerate(pages)
    ]
    parts = [_only(one.templates, which) for one, which in zip(pages, kept, strict=True)]
    ids = np.concatenate([one.ids[which] for one, which in zip(pages, kept, strict=True)])
    return ids, _joined(parts)


def _only(templates: Templates, kept: NDArray[np.bool_]) -> Templates:
    if kept.all():
        return templates
    rows = kept[templates.owners]
    places = np.cumsum(kept) - 1
    return Templates(
        tuple(name for name, keep in zip(templates.names, kept, strict=True) if keep),
        templates.vectors[rows],
        places[templates.owners[rows]],
        templates.model_id,
        None if templates.qualities is None else templates.qualities[rows],
    )


def _joined(parts: Sequence[Templates]) -> Templates:
    # A page of people without references has vectors of no length.
    vectors = [part.vectors for part in parts if len(part.owners)]
    starts = np.cumsum([0, *(len(part.names) for part in parts)])
    return Templates(
        tuple(name for part in parts for name in part.names),
        np.concatenate(vectors) if vectors else parts[0].vectors,
        np.concatenate(
            [part.owners + start for part, start in zip(parts, starts[:-1], strict=True)]
        ),
        parts[0].model_id,
        np.concatenate([part.every_quality for part in parts]),
    )
