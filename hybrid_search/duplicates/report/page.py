"""A page of groups of duplicates that needs no other file: pictures side by side, differences marked, choices made."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

from hybrid_search.duplicates.act.keep import facts_of
from hybrid_search.duplicates.model import Member
from hybrid_search.duplicates.report.group_report import LABELS, FileReport, GroupReport, describe, text_of
from hybrid_search.errors.numbers import counted
from hybrid_search.hits.display import escape, thumbnail_of
from hybrid_search.hits.evidence import TIERS, Box

_HOW = (
    "The files of a group stand side by side; each matches the first of its group. Rows in which they differ are "
    "coloured, the better value is green. Click a picture to see it large, and again, or press space, to compare it "
    "with the first. A box marks what was added to a picture. Choose what is kept and what is removed, or say that a "
    "file is no copy. Nothing happens to any file here: <b>Export choices</b> writes them to a file, and"
)


def page(groups: Iterable[GroupReport], *, title: str, made: str, apply: str) -> Iterator[str]:
    """Give the page piece by piece, so that one of many groups need not be in memory at once.

    Everything that comes from files is escaped, and a policy in the page forbids every script but its own.

    Parameters
    ----------
    groups : iterable of GroupReport
    title : str
        What was searched, such as the folder.
    made : str
        When; with the title it tells this page's half-made choices, which the browser keeps, from those of others.
    apply : str
        The command that applies choices, with `choices.json` in it.

    Yields
    ------
    str
        HTML, to be written in UTF-8.
    """
    yield page_head(title=title, made=made, apply=apply)
    for group in groups:
        yield page_section(group)
    yield page_foot()


_DIALOG = (
    '<dialog aria-label="picture"><p><span></span><button type="button" id="close">Close</button></p>'
    '<div class="stage"><img alt="" tabindex="0" autofocus>'
    '<svg class="added" preserveAspectRatio="xMidYMid meet"></svg></div></dialog>\n'
)


def page_head(*, title: str, made: str, apply: str) -> str:
    """Return the beginning of a page; see `page`."""
    policy = (
        f"default-src 'none'; img-src data: file:; style-src {_digest('css')}; script-src {_digest('js')}; "
        "base-uri 'none'; form-action 'none'"
    )
    tiers = "".join(
        f'<label><input type="checkbox" name="tier" value="{tier}" checked autocomplete="off"> {tier}</label>'
        for tier in TIERS
    )
    report = hashlib.sha256(f"{title}\0{made}".encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="generator" content="hybrid-search">'
        f'<meta name="viewport" content="width=device-width"><title>Duplicates: {_text(title)}</title>\n'
        f'<style>{_asset("css")}</style></head>\n<body data-report="{report}">\n'
        f'<header class="bar"><h1 title="{_text(made)}">Duplicates: {_text(title)}</h1>'
        f'<output id="total"></output><span class="space"></span>'
        f'<span class="tiers" role="group" aria-label="tiers shown">{tiers}</span>'
        f'<button type="button" id="propose">As proposed</button>'
        f'<button type="button" id="keep-all">Keep all</button>'
        f'<label class="file">Load choices<input type="file" id="load" accept=".json"></label>'
        f'<button type="button" class="main" id="export">Export choices</button></header>\n'
        f'<p class="how">{_HOW} <code>{_text(apply)}</code> says what it would do.</p>\n'
    )


def page_section(report: GroupReport) -> str:
    """Return the part of a page that shows one group."""
    group = report.group
    names = [name for name in LABELS if any(name in file.facts for file in report.files)]
    rows = [
        _row("", report, lambda file: _picture(file, _added(report, file))),
        _row("choice", report, lambda file: _choice(report, file)),
        _row("match", report, lambda file: _text(describe(file.member.evidence))),
        _row("name", report, lambda file: _name(file)),
        _row("folder", report, lambda file: _text(_folder(file))),
        *(_fact_row(name, report) for name in names),
    ]
    files = counted(len(report.files), "file")
    return (
        f'<section data-group="{_attribute(json.dumps(group.id))}" data-tier="{group.tier}"><header>'
        f'<h2>Group {report.number}</h2><span class="tier {group.tier}">{group.tier}</span>'
        f'<span class="weakest">{files}; weakest link: {_text(describe(group.weakest))}</span>'
        f'<label><input type="checkbox" class="reviewed" autocomplete="off"> reviewed: do not show it again unless '
        f'something new joins it</label><span class="note" role="status"></span></header>\n'
        f'<div class="scroll"><table><tbody>{"".join(rows)}</tbody></table></div></section>\n'
    )


def page_foot() -> str:
    """Return the end of a page."""
    return f"{_DIALOG}<script>{_asset('js')}</script></body></html>\n"


def _row(label: str, report: GroupReport, cell: Any, kind: str = "") -> str:
    cells = "".join(f'<td data-column="{column}">{cell(file)}</td>' for column, file in enumerate(report.files))
    return f"<tr{kind}><th>{label}</th>{cells}</tr>\n"


def _fact_row(name: str, report: GroupReport) -> str:
    differs = name in report.differing
    cells = "".join(
        f'<td data-column="{column}"{_best(name, file)}>{_text(text_of(name, file.facts.get(name)))}</td>'
        for column, file in enumerate(report.files)
    )
    return f'<tr class="{"differs" if differs else "same"}"><th>{LABELS[name]}</th>{cells}</tr>\n'


def _best(name: str, file: FileReport) -> str:
    return ' class="best"' if name in file.best else ""


def _picture(file: FileReport, added: Sequence[Box]) -> str:
    thumbnail = thumbnail_of(file.member.source)
    if not thumbnail:
        return '<div class="none">no thumbnail</div>'
    marks = "".join(
        f'<rect x="{left:.4f}" y="{top:.4f}" width="{right - left:.4f}" height="{bottom - top:.4f}"/>'
        for left, top, right, bottom in added
    )
    # no style attributes: the page's policy forbids them
    drawn = f'<svg class="added" viewBox="0 0 1 1" preserveAspectRatio="none">{marks}</svg>' if marks else ""
    return (
        f'<button type="button" class="look" data-href="{_attribute(_local(file.member.path))}">'
        f'<img class="small" src="{thumbnail}" alt="{_text(file.name)}">{drawn}</button>'
    )


def _added(report: GroupReport, file: FileReport) -> list[Box]:
    """Return where a picture shows what another of its group lacks: of the first file, what any other lacks."""
    if file is report.files[0]:
        links = [other.member.evidence for other in report.files[1:]]
        return list(dict.fromkeys(box for link in links if link and link.added_to == "first" for box in link.added))
    link = file.member.evidence
    return list(link.added) if link and link.added_to == "second" else []


def _choice(report: GroupReport, file: FileReport) -> str:
    column, proposal = report.files.index(file), "remove" if file.choice == "remove" else "keep"
    labels = {"keep": "keep", "remove": "remove", "apart": "no copy"}
    if file.is_protected:
        del labels["remove"]
    if _sha256(file.member) == _sha256(report.group.representative):
        # of the first file, and those of the same bytes, there is nothing to tell apart
        del labels["apart"]
    inputs = "".join(
        f'<label><input type="radio" name="g{report.number}-{column}" value="{value}" autocomplete="off"'
        f"{' checked' if value == proposal else ''}> {label}</label>"
        for value, label in labels.items()
    )
    why = f'<span class="why">{_text(file.why)}</span>' if file.why else ""
    return (
        f'<fieldset data-column="{column}" data-proposal="{proposal}" data-file="{_attribute(_identity(file))}">'
        f"{inputs}</fieldset>{why}"
    )


def _identity(file: FileReport) -> str:
    """Return, as JSON, what tells that a file is still the one that was looked at."""
    member, facts = file.member, facts_of(file.member)
    stored = None if facts is None else facts.to_json()
    if stored is not None and "mtime_ns" in stored:
        # nanoseconds are more than a number of JavaScript holds exactly
        stored["mtime_ns"] = str(stored["mtime_ns"])
    known = {
        "id": member.id,
        "path": member.path,
        "sha256": _sha256(member),
        "tier": None if member.evidence is None else member.evidence.tier,
        "facts": stored,
    }
    return json.dumps(known)


def _sha256(member: Member) -> str:
    return str(member.source.get("sha256") or member.id)


def _name(file: FileReport) -> str:
    path = file.member.path
    if path is None:
        return _text(file.member.id)
    name = f"<bdi>{_text(PurePath(path).name or path)}</bdi>"
    href = _local(path) or (path if urlsplit(path).scheme in ("http", "https") else "")
    return f'<a href="{_attribute(href)}" target="_blank" rel="noreferrer">{name}</a>' if href else name


def _folder(file: FileReport) -> str:
    path = file.member.path
    return "" if path is None else str(PurePath(path).parent)


def _local(path: str | None) -> str:
    """Return the address of a file of this machine, nothing for what is none."""
    return PurePath(path).as_uri() if path is not None and PurePath(path).is_absolute() else ""


def _text(text: str) -> str:
    return html.escape(escape(text))


def _attribute(text: str) -> str:
    return html.escape(text, quote=True)


@cache
def _asset(kind: str) -> str:
    text = files("hybrid_search.duplicates.report").joinpath(f"page.{kind}").read_text(encoding="utf-8")
    return text.strip()


def _digest(kind: str) -> str:
    """Return the hash by which the page's policy allows its own script and style, and no other."""
    digest = hashlib.sha256(_asset(kind).encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
