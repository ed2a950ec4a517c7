"""Which pictures form one group: decided by their links alone, whatever the order in which they came."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hybrid_search.hits.evidence import Evidence


@dataclass(frozen=True)
class Record:
    """What decides a picture's place in a group.

    Parameters
    ----------
    id : str
        The document's id.
    sha256 : str
        Of the file's bytes.
    pixels, bytes : int
        Size of the picture and of its file.
    files : int
        How many files have these bytes.
    apart : frozenset of str
        sha256 of pictures that a person said are no copies of this one.
    anchor : bool
        Whether it represents its group in any case, as pictures of a reference folder do; no two anchors are joined.
    """

    id: str
    sha256: str
    pixels: int = 0
    bytes: int = 0
    files: int = 1
    apart: frozenset[str] = frozenset()
    anchor: bool = False

    @property
    def order(self) -> tuple[bool, int, int, str, str]:
        """What pictures are taken in the order of: anchors first, then the largest; never two alike."""
        return not self.anchor, -self.pixels, -self.bytes, self.sha256, self.id


@dataclass(frozen=True)
class Link:
    """A match of two documents, by id; the evidence is of the first against the second."""

    first: str
    second: str
    evidence: Evidence

    def from_(self, id: str) -> Link:
        """Return the link as seen from one of its ends."""
        return self if id == self.first else Link(self.second, self.first, self.evidence.turned_round())


@dataclass(frozen=True)
class Grouping:
    """One group: the representative's id, and the others' with their evidence of the representative against them.

    The surest comes first.
    """

    representative: str
    others: tuple[tuple[str, Evidence], ...] = ()


Settle = Callable[[str, Sequence[str]], "Link | None"]
"""From a picture and the representatives among its like to the surest link to one of them, if any matches."""


@dataclass
class _Node:
    """Pictures of equal pixels, in order: the first stands for them all."""

    records: list[Record]
    links: dict[int, Link] = field(default_factory=dict)
    shas: set[str] = field(default_factory=set)
    apart: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.shas = {record.sha256 for record in self.records}
        self.apart = {sha256 for record in self.records for sha256 in record.apart}

    def is_apart(self, other: _Node) -> bool:
        return not self.apart.isdisjoint(other.shas) or not other.apart.isdisjoint(self.shas)


def group(
    records: Mapping[str, Record], links: Iterable[Link], *, settle: Settle | None = None, closed: bool = False
) -> Iterator[Grouping]:
    """Give the groups, of two files or more, in the order of their representatives.

    Pictures of equal bytes, and those linked by equal pixels, count as one. They are taken in order: anchors, then
    those of most pixels, most bytes, smallest sha256. One that matches no representative before it becomes one; every
    other joins an anchor that it matches, else the representative that it matches by the surest evidence. So every
    member matches its representative, and a chain of small changes ends where it stops matching. Two pictures that
    were said to be no copies never stand in one group.

    Parameters
    ----------
    records : mapping of str to Record
        By id.
    links : iterable of Link
        In any order; those of ids that are not among the records are left out.
    settle : callable, optional
        Asked before a picture that matches no representative, but hangs together with some, becomes one itself.
    closed : bool
        Whether anchors alone may represent.

    Examples
    --------
    >>> large, small, smaller = (Record(id, id, pixels=size) for id, size in (("a", 30), ("b", 20), ("c", 10)))
    >>> chain = [Link("a", "b", Evidence("near", distance=0.3)), Link("b", "c", Evidence("near", distance=0.3))]
    >>> [(found.representative, [id for id, _ in found.others]) for found in group(
    ...     {"a": large, "b": small, "c": smaller}, chain)]
    [('a', ['b'])]
    """
    known = sorted(
        (link for link in links if link.first in records and link.second in records and link.first != link.second),
        key=_surest_first,
    )
    nodes = _nodes(records, known)
    places = {record.id: place for place, node in enumerate(nodes) for record in node.records}
    chains = DisjointSets(len(nodes))
    for link in known:
        here, there = places[link.first], places[link.second]
        if here != there and not nodes[here].is_apart(nodes[there]):
            chains.join(here, there)
            nodes[here].links.setdefault(there, link)
            nodes[there].links.setdefault(here, link)
    for members in _joined(nodes, chains, settle=settle, closed=closed).values():
        if sum(record.files for place in members for record in nodes[place].records) > 1:
            yield _grouping([(nodes[place], link) for place, link in members.items()], known)


def _surest_first(link: Link) -> tuple[tuple[int, float], str, str, str]:
    """Return a key that is of both directions of a link the same, so that ties fall alike in every order."""
    low, high = sorted((link.first, link.second))
    return link.evidence.strength, low, high, repr(link.from_(low).evidence)


def _nodes(records: Mapping[str, Record], links: Sequence[Link]) -> list[_Node]:
    """Return pictures of equal bytes or pixels as one, in order."""
    by_bytes: dict[str, list[Record]] = defaultdict(list)
    for record in sorted(records.values(), key=lambda record: record.order):
        by_bytes[record.sha256].append(record)
    nodes = {records[0].sha256: _Node(records) for records in by_bytes.values()}
    of = {sha256: sha256 for sha256 in nodes}
    for link in links:
        if link.evidence.tier != "pixels" or link.evidence.first_has or link.evidence.second_has:
            continue
        here, there = of[records[link.first].sha256], of[records[link.second].sha256]
        if here != there and not nodes[here].is_apart(nodes[there]):
            merged = _Node(sorted(nodes[here].records + nodes.pop(there).records, key=lambda record: record.order))
            nodes[here] = merged
            of.update({sha256: here for sha256 in merged.shas})
    return sorted(nodes.values(), key=lambda node: node.records[0].order)


def _joined(
    nodes: Sequence[_Node], chains: DisjointSets, *, settle: Settle | None, closed: bool
) -> dict[int, dict[int, Link | None]]:
    """Return the members of each representative by place, with the links by which they joined."""
    groups: dict[int, dict[int, Link | None]] = {}
    alike: dict[int, list[int]] = defaultdict(list)
    for place, node in enumerate(nodes):
        anchor = node.records[0].anchor
        chosen = None if anchor else _representative(place, nodes, groups)
        before = alike[chains.of(place)]
        if chosen is None and settle is not None and before and not anchor:
            chosen = _settled(place, nodes, [other for other in before if _fits(place, groups[other], nodes)], settle)
        if chosen is not None:
            groups[chosen][place] = node.links[chosen]
        elif anchor or not closed:
            groups[place] = {place: None}
            before.append(place)
    return groups


def _representative(place: int, nodes: Sequence[_Node], groups: Mapping[int, Mapping[int, Link | None]]) -> int | None:
    node = nodes[place]
    fitting = [other for other in node.links if other in groups and _fits(place, groups[other], nodes)]

    def preference(other: int) -> tuple[bool, tuple[int, float], int]:
        return not nodes[other].records[0].anchor, node.links[other].evidence.strength, other

    return min(fitting, key=preference, default=None)


def _fits(place: int, members: Iterable[int], nodes: Sequence[_Node]) -> bool:
    return not any(nodes[place].is_apart(nodes[member]) for member in members)


def _settled(place: int, nodes: Sequence[_Node], candidates: Sequence[int], settle: Settle) -> int | None:
    by_id = {nodes[other].records[0].id: other for other in candidates}
    link = settle(nodes[place].records[0].id, list(by_id)) if by_id else None
    if link is None:
        return None
    chosen = next(other for id, other in by_id.items() if id in (link.first, link.second))
    nodes[place].links[chosen] = link
    return chosen


def _grouping(members: Sequence[tuple[_Node, Link | None]], links: Sequence[Link]) -> Grouping:
    """Return a group of nodes, of which the first holds the representative."""
    representative = members[0][0].records[0]
    others = []
    for node, link in members:
        # a node's pictures have the pixels of the one that is linked, so that its evidence is theirs
        shared = None if link is None else _seen_from(link, members[0][0])
        for record in node.records:
            if record is not representative:
                others.append((record, _evidence(record, representative, shared)))
    others.sort(key=lambda other: (other[1].strength, other[0].order))
    return Grouping(representative.id, tuple((record.id, evidence) for record, evidence in others))


def _seen_from(link: Link, node: _Node) -> Evidence:
    here = any(record.id == link.first for record in node.records)
    return link.evidence if here else link.evidence.turned_round()


def _evidence(record: Record, representative: Record, shared: Evidence | None) -> Evidence:
    if record.sha256 == representative.sha256:
        return Evidence("bytes", distance=0.0)
    return Evidence("pixels", distance=0.0) if shared is None else shared


class DisjointSets:
    """Disjoint sets of numbers 0 … n − 1 (R. E. Tarjan, "Efficiency of a good but not linear set union algorithm").

    Examples
    --------
    >>> chains = DisjointSets(4)
    >>> chains.join(0, 1)
    >>> chains.join(3, 1)
    >>> [chains.of(number) for number in range(4)]
    [0, 0, 2, 0]
    """

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def of(self, number: int) -> int:
        """Return the smallest number of the set that a number is in."""
        top = number
        while self._above[top] != top:
            top = self._above[top]
        while self._above[number] != top:
            self._above[number], number = top, self._above[number]
        return top

    def join(self, a: int, b: int) -> None:
        """Make one set of two."""
        low, high = sorted((self.of(a), self.of(b)))
        self._above[high] = low
