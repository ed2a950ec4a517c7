"""The commands that ask an index: `search`, `similar` and `request`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hybrid_search.cli.output import hit_columns, hit_formats
from hybrid_search.cli.output.hit_output import Results
from hybrid_search.cli.parsing import options
from hybrid_search.cli.parsing.session import find_document, open_index, picture
from hybrid_search.cli.parsing.sum_syntax import Typed, class_weights, read_terms, vector_query
from hybrid_search.errors import DocumentNotFound

if TYPE_CHECKING:
    from hybrid_search.index import HybridIndex

__all__ = ["request", "search", "similar"]

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TEXT",
        help='Words for captions, tags, labels, names, places and cameras. A "quoted phrase" occurs as it stands, '
        "-word must not occur: beach -dog. With + and - apart, or weights, a sum: beach + ./a.jpg - 0.5:people.",
    ),
]


def search(
    context: typer.Context,
    text: Words = None,
    location: options.Index = None,
    image: options.Picture = None,
    like: options.Like = None,
    unlike: options.Unlike = None,
    colour: options.Colours = None,
    more: options.More = None,
    less: options.Less = None,
    beside: options.BesideWords = None,
    filter: options.FilterOption = None,
    k: options.K = 10,
    offset: options.Offset = 0,
    missing: options.Missing = False,
    sort: options.Sort = None,
    min_score: options.MinScore = None,
    collapse: options.Collapse = False,
    weights: options.Weights = None,
    fusion: options.Fusion = options.FusionName.rrf,
    num_candidates: options.NumCandidates = None,
    embedder: options.Embedders = None,
    facet: options.Facets = None,
    field: options.Fields = None,
    explain: options.Explain = False,
    sheet: options.Sheet = None,
    force: options.Replace = False,
    pictures: options.Pictures = False,
    as_json: options.AsJson = False,
    as_jsonl: options.AsJsonl = False,
    as_csv: options.AsCsv = False,
    as_paths: options.AsPaths = False,
    as_paths0: options.As0 = False,
) -> None:
    """Find pictures by words, by an example, by a filter: any of them, or all in one query.

    For example:

        hybrid-search search a dog on a beach -cat
        hybrid-search search night --image moon.png --filter 'iso:[400 TO *]'
        hybrid-search search beach + ./photo.jpg - 0.5:people
    """
    form = hit_formats.choose(json=as_json, jsonl=as_jsonl, csv=as_csv, paths=as_paths, print0=as_paths0)
    results = Results(form, sheet, pictures, field or (), facet or (), force)
    results.check()
    query = _query(
        words=_words(text, beside), filter=filter, k=k, offset=offset, sort=sort, min_score=min_score,
        collapse=collapse, weights=weights, fusion=fusion, num_candidates=num_candidates, embedder=embedder,
        facet=facet, explain=explain, classes=class_weights(more, less), colours=colour, missing=missing,
    )  # fmt: skip
    terms = read_terms(text or ())
    title = _title(*(text or ()), beside or "", colour or "", image=image, like=like, filter=filter)
    with open_index(context, location) as index:
        hits = index.search(**query, **_examples(index, image=image, like=like, unlike=unlike, terms=terms))
        results.show(hits, title=title, k=k, offset=offset, documents=len(index))


def similar(
    context: typer.Context,
    example: Annotated[
        str,
        typer.Argument(
            metavar="ID|PATH",
            help="An indexed picture (its id, the start of it, its path or name), or any file or URL.",
        ),
    ],
    location: options.Index = None,
    filter: options.FilterOption = None,
    k: options.K = 10,
    offset: options.Offset = 0,
    missing: options.Missing = False,
    collapse: options.Collapse = False,
    min_score: options.MinScore = None,
    embedder: options.Embedders = None,
    facet: options.Facets = None,
    field: options.Fields = None,
    explain: options.Explain = False,
    sheet: options.Sheet = None,
    force: options.Replace = False,
    pictures: options.Pictures = False,
    as_json: options.AsJson = False,
    as_jsonl: options.AsJsonl = False,
    as_csv: options.AsCsv = False,
    as_paths: options.AsPaths = False,
    as_paths0: options.As0 = False,
) -> None:
    """Find pictures like one picture; an indexed picture is not among its own hits."""
    form = hit_formats.choose(json=as_json, jsonl=as_jsonl, csv=as_csv, paths=as_paths, print0=as_paths0)
    results = Results(form, sheet, pictures, field or (), facet or (), force)
    results.check()
    query = _query(
        filter=filter, k=k, offset=offset, collapse=collapse, min_score=min_score, facet=facet, explain=explain,
        embedder=embedder, missing=missing,
    )  # fmt: skip
    with open_index(context, location) as index:
        hits = index.search(**query, **_similar(index, example))
        title = _title(image=None, like=[example], filter=filter)
        results.show(hits, title=title, k=k, offset=offset, documents=len(index))


def request(
    context: typer.Context,
    text: Words = None,
    location: options.Index = None,
    image: options.Picture = None,
    like: options.Like = None,
    unlike: options.Unlike = None,
    colour: options.Colours = None,
    more: options.More = None,
    less: options.Less = None,
    beside: options.BesideWords = None,
    filter: options.FilterOption = None,
    k: options.K = 10,
    offset: options.Offset = 0,
    missing: options.Missing = False,
    sort: options.Sort = None,
    min_score: options.MinScore = None,
    collapse: options.Collapse = False,
    weights: options.Weights = None,
    fusion: options.Fusion = options.FusionName.rrf,
    num_candidates: options.NumCandidates = None,
    embedder: options.Embedders = None,
    facet: options.Facets = None,
    explain: options.Explain = False,
    short: Annotated[bool, options.flag("--short", help="Show only the first numbers of vectors.")] = False,
) -> None:
    """Print the Elasticsearch request body that `search` would send; nothing is searched."""
    query = _query(
        words=_words(text, beside), filter=filter, k=k, offset=offset, sort=sort, min_score=min_score,
        collapse=collapse, weights=weights, fusion=fusion, num_candidates=num_candidates, embedder=embedder,
        facet=facet, explain=explain, classes=class_weights(more, less), colours=colour, missing=missing,
    )  # fmt: skip
    terms = read_terms(text or ())
    with open_index(context, location) as index:
        examples = _examples(index, image=image, like=like, unlike=unlike, terms=terms)
        body = hit_columns.jsonable(index.request(**query, **examples))
    hit_formats.dump(_short(body) if short else body)


def _query(
    *,
    words: str | None = None,
    filter: str | None,
    k: int,
    offset: int,
    sort: list[str] | None = None,
    min_score: str | None,
    collapse: bool,
    weights: str | None = None,
    fusion: options.FusionName = options.FusionName.rrf,
    num_candidates: int | None = None,
    embedder: list[str] | None = None,
    facet: list[str] | None,
    explain: bool,
    classes: Mapping[str, float] | None = None,
    colours: str | None = None,
    missing: bool,
) -> dict[str, Any]:
    """Return the options as `HybridIndex.search` takes them."""
    return {
        "text": words,
        "filter": filter,
        "k": k,
        "offset": offset,
        "sort": sort or None,
        "min_score": options.least_score(min_score),
        "collapse_duplicates": collapse,
        "weights": options.leg_numbers(weights, "--weights"),
        "fusion": fusion.value,
        "num_candidates": num_candidates,
        "facets": facet or (),
        "explain": explain,
        "missing": missing,
        **({"embedder": embedder} if embedder else {}),
        **({"classes": classes} if classes else {}),
        **({"colours": colours} if colours is not None else {}),
    }


def _words(typed: list[str] | None, beside: str | None) -> str | None:
    """Return what is for the texts: all words that are typed, but for those of a sum."""
    words = () if read_terms(typed or ()) else typed or ()
    return " ".join((*words, *((beside,) if beside else ()))) or None


def _examples(
    index: HybridIndex, *, image: str | None, like: list[str] | None, unlike: list[str] | None, terms: Sequence[Typed]
) -> dict[str, Any]:
    liked, unliked = ([find_document(index, named).id for named in names or ()] for names in (like, unlike))
    return {
        "image": picture(image) if image is not None else None,
        "like": liked if len(liked) > 1 else next(iter(liked), None),
        **({"unlike": unliked} if unliked else {}),
        **({"vector_query": vector_query(index, terms)} if terms else {}),
    }


def _similar(index: HybridIndex, named: str) -> dict[str, Any]:
    """Return an indexed picture as `like`, any other as `image`; what is neither was meant as an id."""
    try:
        return {"like": find_document(index, named).id}
    except DocumentNotFound:
        if named == "-" or "://" in named or os.path.exists(os.path.expanduser(named)):
            return {"image": picture(named)}
        raise


def _title(*words: str, image: str | None, like: list[str] | None, filter: str | None) -> str:
    parts = [
        " ".join(word for word in words if word),
        f"image {os.path.basename(image)}" if image else "",
        f"like {', '.join(map(os.path.basename, like))}" if like else "",
    ]
    return "  ·  ".join(part for part in (*parts, filter or "") if part)


def _short(value: Any) -> Any:
    """Return the body with every vector cut to its first three numbers and a word on how many it has."""
    if isinstance(value, dict):
        return {name: _short(part) for name, part in value.items()}
    if isinstance(value, list) and len(value) > 16 and all(isinstance(part, int | float) for part in value):
        return [*value[:3], f"… {len(value)} numbers"]
    return [_short(part) for part in value] if isinstance(value, list) else value
