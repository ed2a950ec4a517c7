"""Groups of duplicates as CSV: one row for each file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from hybrid_search.duplicates.report.group_report import LABELS, FileReport, GroupReport, text_of
from hybrid_search.hits.display import spreadsheet_cell

_FACTS = [name for name in LABELS if name not in ("pixels", "bytes")]
COLUMNS = (
    "number", "group", "tier", "choice", "why", "path", "match", "first_has", "second_has", "distance", "orientation",
    "inliers", "overlap", "aligned_distance", "width", "height", "bytes", *_FACTS, "id", "sha256",
)  # fmt: skip
"""Names of the columns; `tier` is that of the weakest link of the group, `match` that of the file's own link.

`first_has` is what the first file of the group shows and this one does not, `second_has` the reverse.
"""


def csv_lines(groups: Iterable[GroupReport]) -> Iterator[str]:
    """Give the header, then the files of one group after the other; text that would be a formula gets a `'` in front.

    Yields
    ------
    str
        Whole lines, each with its line break.
    """
    yield _lines([COLUMNS])
    for group in groups:
        yield _lines([_row(group, file) for file in group.files])


def _lines(rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([spreadsheet_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _row(group: GroupReport, file: FileReport) -> list[Any]:
    evidence, stored = file.member.evidence, file.to_json()
    link = {} if evidence is None else {"match": evidence.tier, "orientation": evidence.orientation}
    if evidence is not None:
        link |= {"first_has": "; ".join(evidence.first_has), "second_has": "; ".join(evidence.second_has)}
    figures = ("distance", "inliers", "overlap", "aligned_distance")
    known = {
        **{name: text_of(name, file.facts.get(name)) for name in _FACTS},
        **{name: stored[name] for name in ("id", "sha256", "path", "choice", "why", "width", "height")},
        **link,
        **{name: getattr(evidence, name, None) for name in figures},
        "bytes": file.facts.get("bytes"),
        "number": group.number,
        "group": group.group.id,
        "tier": group.group.tier,
    }
    return [known.get(name) for name in COLUMNS]
