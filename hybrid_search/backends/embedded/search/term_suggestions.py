"""Terms of a field that are spelt nearly like the words of a text: Elasticsearch's term suggester."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hybrid_search.backends.embedded.clauses.clause_compiler import only
from hybrid_search.backends.embedded.documents.schema import analyzer_name
from hybrid_search.errors import BadFilter, MappingMismatch, UnsupportedClause

if TYPE_CHECKING:
    from hybrid_search.backends.embedded.snapshot import Snapshot

_OPTIONS = {"field", "size", "suggest_mode", "max_edits", "prefix_length", "min_word_length"}
_ACCURACY = 0.5
"""How alike a suggestion is at least: Elasticsearch's default."""


def suggest_terms(snapshot: Snapshot, wanted: Any) -> dict[str, Any]:
    """Return the `suggest` part of an answer, as the server gives it to `term` suggesters in mode "always".

    Nearest terms come first, then those of more documents. Neighbours that swapped places are one edit (optimal string
    alignment).

    Raises
    ------
    UnsupportedClause
        When another kind or mode is asked for.
    MappingMismatch
        When the field is no text.
    """
    if not isinstance(wanted, Mapping):
        raise BadFilter("suggest", f"expected an object, got {type(wanted).__name__}")
    return {str(name): _suggested(snapshot, spec) for name, spec in wanted.items()}


def _suggested(snapshot: Snapshot, spec: Any) -> list[dict[str, Any]]:
    parts = only("suggest", spec, {"text", "term"})
    if "text" not in parts or "term" not in parts:
        raise BadFilter("suggest", "needs 'text' and 'term'")
    options = only("suggest.term", parts["term"], _OPTIONS)
    if options.get("suggest_mode") != "always":
        raise UnsupportedClause("suggest.term.suggest_mode other than 'always'", "embedded")
    field = snapshot.schema.fields.find(str(options.get("field")))
    if field.kind != "text" or not field.indexed:
        raise MappingMismatch(field.name, f"is a {field.kind}, suggest needs a text that is indexed")
    text, at, found = str(parts["text"]), 0, []
    for _, token in snapshot.schema.analysis.tokens(analyzer_name(field), text):
        at = max(text.lower().find(token, at), at)
        near = _near(snapshot, field.name, token, options)
        found.append({"text": token, "offset": at, "length": len(token), "options": near})
    return found


def _near(snapshot: Snapshot, column: str, token: str, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    if len(token) < int(options.get("min_word_length", 4)):
        return []
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import extract

    edits, shared = int(options.get("max_edits", 2)), int(options.get("prefix_length", 1))
    counts = dict(snapshot.searcher.terms_with_prefix(column, token[:shared]))
    counts.pop(token, None)
    near = extract(token, list(counts), scorer=OSA.distance, score_cutoff=edits, limit=None)
    scored = [(1.0 - distance / min(len(token), len(term)), counts[term], term) for term, distance, _ in near]
    best = sorted((each for each in scored if each[0] >= _ACCURACY), key=lambda each: (-each[0], -each[1], each[2]))
    return [{"text": term, "score": score, "freq": freq} for score, freq, term in best[: int(options.get("size", 5))]]
