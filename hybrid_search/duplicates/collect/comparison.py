"""New documents compared with all others: proposed, judged, and what was found kept in the index step by step."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hybrid_search.backends import Backend
from hybrid_search.document.definition import embeddings
from hybrid_search.duplicates.collect.candidate_pairs import Proposals, Reach, ask_index, join_vectors, read_vectors
from hybrid_search.duplicates.collect.checkpoint import Checkpoint
from hybrid_search.duplicates.collect.documents import Documents, Places
from hybrid_search.duplicates.collect.groups import Link
from hybrid_search.duplicates.collect.links import save_links, stored_links
from hybrid_search.duplicates.collect.subject_cache import SubjectCache
from hybrid_search.duplicates.collect.vector_file import VectorFile
from hybrid_search.duplicates.compare.features import one_thread_each
from hybrid_search.duplicates.model import Subject
from hybrid_search.hits.evidence import Evidence
from hybrid_search.signature.orientations import nearest_orientation

_FEW, _FEW_OF = 200, 200
"""The index is asked for so many new documents at most, of at least so many times as many."""
_TOGETHER = 128
_SAVED_EVERY_S = 30.0  # what a killed run loses; no measurement is kept

_Asked = tuple[int, int, float | None]


class Judging(Protocol):
    """What decides about two pictures; see `judge.Judge`."""

    @property
    def version(self) -> str:
        """What verdicts depend on besides tiers and distance."""

    @property
    def look_distance(self) -> float:
        """Signature distance up to which pictures are worth a look."""

    @property
    def needs_vectors(self) -> bool:
        """Whether pictures that embeddings alone propose can be told apart."""

    def judge(self, a: Subject, b: Subject, *, cosine: float | None = None) -> Evidence | None:
        """Return what speaks for a match of two pictures, None when nothing does."""


@dataclass
class Comparison:
    """One run over the documents.

    Parameters
    ----------
    backend : Backend
    documents : Documents
    query : mapping or None
        The clause by which the documents were chosen.
    places : Places
    judge : Judging
    tiers : collection of str
        Which matches count.
    reach : Reach
    marks : Checkpoint
    save_links, save_marks : bool
        What is kept in the index.
    progress : callable or None
        Called with how many new documents are done, and of how many.
    """

    backend: Backend
    documents: Documents
    query: Mapping[str, Any] | None
    places: Places
    judge: Judging
    tiers: Collection[str]
    reach: Reach
    marks: Checkpoint
    save_links: bool
    save_marks: bool
    progress: Callable[[int, int], None] | None = None
    _links: dict[tuple[str, str], Link] = field(default_factory=dict)
    _unsaved: list[Link] = field(default_factory=list)
    _waiting: list[int] = field(default_factory=list)
    _subjects: SubjectCache | None = None
    _told: int = 0

    def run(self) -> None:
        """Compare what is new."""
        self._links = {_ends(link): link for link in stored_links(self.documents, self.marks.rule)}
        new = [row for row in range(len(self.documents)) if not self.marks.is_compared(self.documents, row)]
        if self.progress is not None:
            self.progress(0, len(new))
        if not new:
            return
        if self.save_marks:
            self.marks.forget_others(self.backend)
        with ExitStack() as stack:
            if len(new) <= _FEW and len(new) * _FEW_OF <= len(self.documents):
                vectors = None
                proposals = ask_index(self.backend, self.documents, new, self.reach, self.query)
            else:
                vectors = self._read(stack)
                proposals = join_vectors(self.documents, vectors, np.array(new, np.int64), self.reach)
            self._judge_all(new, proposals, SubjectCache(self.backend, self.documents, vectors))

    def links(self) -> list[Link]:
        """Return all links of the documents, whenever they were found."""
        return [
            link
            for link in self._links.values()
            if link.evidence.tier in self.tiers
            and self.documents.meet(self.documents.rows[link.first], self.documents.rows[link.second], self.places)
        ]

    def settle(self, id: str, others: Sequence[str]) -> Link | None:
        """Compare a picture with representatives that it hangs together with; return the surest link to one."""
        row, rows = self.documents.rows[id], [self.documents.rows[other] for other in others]
        if self._subjects is None:
            self._subjects = SubjectCache(self.backend, self.documents, None)
        subjects = self._subjects.of([row, *rows])
        found = []
        for other in rows:
            if row in subjects and other in subjects and self._may_match(subjects[row], subjects[other]):
                link = self._judged(row, other, subjects, None)
                found += [link] if link is not None else []
        if self.save_links:
            self._unsaved += found
        return min(found, key=lambda link: link.evidence.strength, default=None)

    def save(self, told: Mapping[int, Mapping[str, Any]] | None = None) -> None:
        """Keep in the index what was found since it was last done, and then that it is done.

        Parameters
        ----------
        told : mapping, optional
            Other fields of documents' `duplicate`, by row, written on the way.
        """
        found = self._unsaved if self.save_links else []
        save_links(self.backend, self.documents, found, self.marks.rule, told=told)
        if self.save_marks and self._waiting:
            self.marks.add(self.backend, self.documents, self._waiting)
        self._unsaved, self._waiting = [], []

    def _read(self, stack: ExitStack) -> VectorFile:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="hybrid-search-"))
        dims = 0
        if self.reach.key is not None:
            dims = embeddings(self.backend.definition())[self.reach.key].dims
        vectors = VectorFile(Path(folder), count=len(self.documents), dims=dims)
        read_vectors(self.backend, self.documents, vectors, self.query, self.reach.key)
        stack.callback(vectors.close)
        return vectors

    def _judge_all(self, new: Sequence[int], proposals: Proposals, subjects: SubjectCache) -> None:
        """Judge all that was proposed; what the last part found is saved by the caller, with the groups."""
        saved_at = time.monotonic()
        judged = 0
        for rows, pairs, cosines in _turns(new, proposals):
            for number in self._judge_some(pairs, cosines, subjects):
                # the first pictures are in more pairs than the last, so that pairs tell better how long it takes still
                self._tell((judged + number) / len(proposals.pairs), len(new))
            judged += len(pairs)
            self._waiting += rows
            if self.save_marks and time.monotonic() - saved_at > _SAVED_EVERY_S:
                self.save()
                self.backend.refresh()
                saved_at = time.monotonic()
        self._tell(1.0, len(new))

    def _tell(self, share: float, count: int) -> None:
        """Tell what share of the new documents is done, unless that was told already."""
        done = int(share * count)
        if self.progress is not None and done > self._told:
            self._told = done
            self.progress(done, count)

    def _judge_some(
        self, pairs: Sequence[Sequence[int]], cosines: Sequence[float], subjects: SubjectCache
    ) -> Iterator[int]:
        """Judge some pairs; give how many are done, again and again."""
        wanted = [
            (a, b, None if np.isnan(cosine) else float(cosine))
            for (a, b), cosine in zip(pairs, cosines, strict=True)
            if self.documents.shas[a] != self.documents.shas[b]
            and self.documents.meet(a, b, self.places)
            and _pair(self.documents.ids[a], self.documents.ids[b]) not in self._links
        ]
        known = subjects.of(row for a, b, _ in wanted for row in (a, b))
        ready = [pair for pair in wanted if pair[0] in known and pair[1] in known]
        links = self._in_threads(lambda pair: self._judged(*pair[:2], known, pair[2]), ready)
        for number, link in enumerate(links, 1):
            if link is not None:
                self._links[_ends(link)] = link
                self._unsaved.append(link)
            yield number

    def _in_threads(self, judged: Callable[[_Asked], Link | None], pairs: Sequence[_Asked]) -> Iterator[Link | None]:
        """Judge pairs, in their order; where pixels are compared, which others may do meanwhile, several at a time."""
        if not getattr(self.judge, "check_pixels", False):
            yield from map(judged, pairs)
            return
        pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="hybrid-search-judge")
        with one_thread_each():
            try:
                yield from pool.map(judged, pairs)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _judged(self, a: int, b: int, subjects: Mapping[int, Subject], cosine: float | None) -> Link | None:
        # always in one direction, so that the evidence does not depend on which came first
        first, second = sorted((a, b), key=lambda row: self.documents.ids[row])
        evidence = self.judge.judge(subjects[first], subjects[second], cosine=cosine)
        if evidence is None or evidence.tier not in self.tiers:
            return None
        return Link(self.documents.ids[first], self.documents.ids[second], evidence)

    def _may_match(self, a: Subject, b: Subject) -> bool:
        if a.signature is None or b.signature is None:
            return False
        return nearest_orientation(a.signature, b.signature)[0] <= self.reach.max_distance


def _pair(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a < b else (b, a)


def _ends(link: Link) -> tuple[str, str]:
    return _pair(link.first, link.second)


def _turns(new: Sequence[int], proposals: Proposals) -> Iterator[tuple[list[int], list[list[int]], list[float]]]:
    """Give the new rows some at a time, with the pairs that are judged then: each with the first new row in it.

    So once a row is done, no pair of it is left, and one who goes on later asks for the other rows alone.
    """
    places: NDArray[np.int64] = np.full(int(max(proposals.pairs.max(initial=0), max(new))) + 1, len(new))
    places[list(new)] = np.arange(len(new))
    turn = places[proposals.pairs].min(axis=1) if len(proposals.pairs) else np.empty(0, np.int64)
    order = np.argsort(turn, kind="stable")
    ends = np.searchsorted(turn[order], np.arange(0, len(new) + _TOGETHER, _TOGETHER))
    for number, start in enumerate(range(0, len(new), _TOGETHER)):
        chosen = order[ends[number] : ends[number + 1]]
        rows = list(new[start : start + _TOGETHER])
        yield rows, proposals.pairs[chosen].tolist(), proposals.cosines[chosen].tolist()
