"""Errors of the library in words of the command line: options in place of Python's parameters."""

from __future__ import annotations

import re

_PHRASES = {
    "pass text, image, like, vector, vector_query, classes, colours or filter, or sort to list all": (
        "type words, --image, --like, --more, --colour or --filter, or --sort to list all"
    ),
    "text, image, like, classes, colours or filter": "words, --image, --like, --more, --colour or --filter",
    "put words into text=…": "put words beside --filter",
    "search with text=… uses captions and labels instead": "words alone are searched in captions and labels",
    "k + offset must": "-k and --offset together must",
    "be at most num_candidates": "be at most --num-candidates",
    "classes are one or more names": "--classes are one or more names",
    "threshold is above 0 and at most 1, temperature above 0, and floor a number": (
        "--threshold is above 0 and at most 1, --temperature above 0, and --floor a number"
    ),
    "a template has {} once": "--template has {} once",
    "no picture in like has": "no picture of --like has",
    "unlike only leads away": "--unlike only leads away",
    "such as min_score={'vector': 0.3}": "such as --min-score vector=0.3",
    "s and at most a day, deadline at least": "s and at most a day, --deadline at least",
    "the index is named by `name`": "the index is named by --name",
}
_OPTIONS = {
    "k": "-k",
    "collapse_duplicates": "--collapse",
    "everything": "--all",
    "colours": "--colour",
    "classes": "--more",
    "facets": "--facet",
    **{
        name: f"--{name.replace('_', '-')}"
        for name in (
            *("accept_missing", "api_key", "batch_size", "ca_certs", "ca_fingerprint", "cloud_id", "deadline"),
            *("embedder", "filter", "fusion", "image", "like", "max_distance", "min_score", "num_candidates"),
            *("offset", "password", "replicas", "shards", "sort", "timeout", "unlike", "username", "weights"),
        )
    },
}
_ANY = "|".join(_OPTIONS)
_LONG = "|".join(name for name in _OPTIONS if "_" in name)
_OF_LEG = re.compile(r"(?<![\w'])(min_score|weights)\['([^']+)'\]")
_GIVEN = re.compile(rf"(?<![\w./:?&-])({_ANY})=(?=[\w…])")
_NAMED = re.compile(rf"(?<![\w./:-])({_LONG})(?![\w./:=-])|(?:(?<=^)|(?<=: ))({_ANY})(?= (?:must|is a|has no leg)\b)")
_QUOTED = re.compile(r"((?<!\w)'[^']*'|`[^`]*`|\"[^\"]*\")")


def spelt(text: str) -> str:
    """Return an error's text with the options that a user types; what is quoted stays as it is.

    Examples
    --------
    >>> spelt("k must be at most num_candidates (got k=50, num_candidates=5); pass num_candidates=50 or more")
    '-k must be at most --num-candidates (got -k 50, --num-candidates 5); pass --num-candidates 50 or more'
    >>> spelt("weights['text'] must be 0 or more; no field 'min_score' in the mapping")
    "--weights text must be 0 or more; no field 'min_score' in the mapping"
    """
    for phrase, words in _PHRASES.items():
        text = text.replace(phrase, words)
    text = _OF_LEG.sub(lambda found: f"{_OPTIONS[found[1]]} {found[2]}", text)
    parts = _QUOTED.split(text)
    return "".join(part if place % 2 else _spelt_plain(part, first=place == 0) for place, part in enumerate(parts))


def _spelt_plain(text: str, *, first: bool) -> str:
    given = _GIVEN.sub(lambda found: f"{_OPTIONS[found[1]]} ", text)
    # a part behind something quoted begins no sentence
    begun = given if first else f"\0{given}"
    return _NAMED.sub(lambda found: _OPTIONS[found[1] or found[2]], begun).removeprefix("\0")
