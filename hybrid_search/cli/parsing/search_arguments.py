"""What is typed to search: the options of `search`, `similar` and `request`, each declared once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from enum import Enum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from hybrid_search.cli.output import hit_formats
from hybrid_search.cli.output.hit_output import Results
from hybrid_search.cli.parsing import options
from hybrid_search.cli.parsing.session import find_document, picture
from hybrid_search.cli.parsing.sum_syntax import class_weights, read_terms, vector_query

if TYPE_CHECKING:
    from hybrid_search.index import HybridIndex
    from hybrid_search.query.options import SearchOptions


class FusionName(str, Enum):
    """The ways to fuse legs, as `HybridIndex.search` knows them."""

    evidence = "evidence"
    rrf = "rrf"
    sum = "sum"


@dataclass(frozen=True)
class SearchArguments:
    """The options of a search as they are typed; a command that lacks one of them leaves it as it is here."""

    text: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT",
            help='Words for captions, tags, labels, names, places and cameras. A "quoted phrase" occurs as it stands, '
            "-word must not occur: beach -dog. With + and - apart, or weights, a sum: beach + ./a.jpg - 0.5:people.",
        ),
    ] = None
    location: options.Index = None
    image: Annotated[
        str | None,
        typer.Option(
            "--image",
            metavar="FILE",
            help="A picture to find others by: a file, a URL, or - for stdin.",
            rich_help_panel="What to find",
        ),
    ] = None
    like: Annotated[
        list[str] | None,
        typer.Option(
            "--like",
            metavar="ID|PATH",
            help="An indexed picture to find others by; it is not among the hits. May be repeated.",
            rich_help_panel="What to find",
        ),
    ] = None
    unlike: Annotated[
        list[str] | None,
        typer.Option(
            "--unlike",
            metavar="ID|PATH",
            help="An indexed picture to lead away from; it is not among the hits. May be repeated.",
            rich_help_panel="What to find",
        ),
    ] = None
    colour: Annotated[
        str | None,
        typer.Option(
            "--colour",
            metavar="COLOUR[:N],…",
            help="Colours that a picture has a fair share of: red, or as in CSS, '#c00', '#c00:3,white:1'.",
            rich_help_panel="What to find",
        ),
    ] = None
    more: Annotated[
        list[str] | None,
        typer.Option(
            "--more",
            metavar="[N:]CLASS",
            help="More of what the embedder knows by this name: dog, or 2:dog for much more. May be repeated.",
            rich_help_panel="What to find",
        ),
    ] = None
    less: Annotated[
        list[str] | None,
        typer.Option(
            "--less",
            metavar="[N:]CLASS",
            help="Less of what the embedder knows by this name; may be repeated.",
            rich_help_panel="What to find",
        ),
    ] = None
    beside: Annotated[
        str | None,
        typer.Option(
            "--words",
            metavar="TEXT",
            help="Words for captions, tags and labels beside a sum, whose own words are vectors alone.",
            rich_help_panel="What to find",
        ),
    ] = None
    literal: Annotated[
        bool,
        options.flag(
            "--literal",
            help="Search all words as words: 2019 is no year, Canon no camera.",
            rich_help_panel="What to find",
        ),
    ] = False
    filter: options.FilterOption = None
    k: options.K = 10
    offset: Annotated[
        int,
        typer.Option(
            "--offset", min=0, metavar="N", help="How many hits to pass over first.", rich_help_panel="Which hits"
        ),
    ] = 0
    missing: Annotated[
        bool,
        options.flag("--missing", help="Also pictures whose files have vanished.", rich_help_panel="Which hits"),
    ] = False
    sort: Annotated[
        list[str] | None,
        typer.Option(
            "--sort",
            metavar="FIELD[:desc]",
            help="Order by a field in place of the score; may be repeated.",
            rich_help_panel="Which hits",
        ),
    ] = None
    min_score: Annotated[
        str | None,
        typer.Option(
            "--min-score",
            metavar="N|LEG=N,…",
            help="Leave out hits below a score, from 0 to 1; vector=0.5 asks it of one leg, in its own unit.",
            rich_help_panel="Which hits",
        ),
    ] = None
    collapse: Annotated[
        bool | None,
        typer.Option(
            "--collapse/--no-collapse",
            help="Show nearly identical hits as one, with its copies; by default where hits are ranked.",
            show_default=False,
            rich_help_panel="Which hits",
        ),
    ] = None
    everything: Annotated[
        bool,
        options.flag(
            "--all", help="Also what hardly resembles the words that are asked.", rich_help_panel="Which hits"
        ),
    ] = False
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            metavar="LEG=N,…",
            envvar="HYBRID_SEARCH_WEIGHTS",
            help="How much each leg counts, such as text=2,vector=1,signature=1.",
            rich_help_panel="How to rank",
        ),
    ] = None
    fusion: Annotated[
        FusionName,
        typer.Option(
            "--fusion",
            envvar="HYBRID_SEARCH_FUSION",
            help="Fuse the legs by what speaks for a hit (evidence), by ranks (rrf) or by normalised scores (sum).",
            rich_help_panel="How to rank",
        ),
    ] = FusionName.evidence
    num_candidates: Annotated[
        int | None,
        typer.Option(
            "--num-candidates",
            min=1,
            metavar="N",
            help="Vectors that the approximate search examines: more is slower and finds more.",
            rich_help_panel="How to rank",
        ),
    ] = None
    embedder: Annotated[
        list[str] | None,
        typer.Option(
            "--embedder",
            metavar="NAME",
            help="Search by the vectors of this embedder of the index; may be repeated. By default by the first, "
            "and words by the first that has vectors for them and by those of captions.",
            rich_help_panel="How to rank",
        ),
    ] = None
    facet: Annotated[
        list[str] | None,
        typer.Option(
            "--facet",
            metavar="FIELD",
            help="Count the values of a field, such as camera.make or taken_at:year; may be repeated.",
            rich_help_panel="What to show",
        ),
    ] = None
    field: Annotated[
        list[str] | None,
        typer.Option(
            "--field",
            metavar="FIELD",
            help="A field to show as a column, such as taken_at or camera.model; may be repeated.",
            rich_help_panel="What to show",
        ),
    ] = None
    explain: Annotated[
        bool,
        options.flag("--explain", help="Say which words and filters each hit matched.", rich_help_panel="What to show"),
    ] = False
    sheet: Annotated[
        Path | None,
        typer.Option(
            "--sheet",
            metavar="FILE",
            dir_okay=False,
            help="Also write a contact sheet (.png, .jpg, .webp) of the hits.",
            rich_help_panel="What to show",
        ),
    ] = None
    force: options.Replace = False
    pictures: Annotated[
        bool,
        options.flag(
            "--pictures",
            help="Show the pictures in the terminal (kitty, sixel, or coloured blocks); needs the extra `pictures`.",
            rich_help_panel="What to show",
        ),
    ] = False
    as_json: options.AsJson = False
    as_jsonl: options.AsJsonl = False
    as_csv: options.AsCsv = False
    as_paths: options.AsPaths = False
    as_paths0: options.As0 = False

    def words(self) -> str | None:
        """Return what is for the texts: all words that are typed, but for those of a sum.

        Raises
        ------
        typer.BadParameter
            When a sum cannot be read.
        """
        words = () if read_terms(self.text or ()) else self.text or ()
        return " ".join((*words, *((self.beside,) if self.beside else ()))) or None

    def results(self) -> Results:
        """Return how the hits are shown.

        Raises
        ------
        typer.BadParameter
            When they cannot be shown so.
        """
        form = hit_formats.choose(
            json=self.as_json, jsonl=self.as_jsonl, csv=self.as_csv, paths=self.as_paths, print0=self.as_paths0
        )
        results = Results(form, self.sheet, self.pictures, self.field or (), self.facet or (), self.force, self.explain)
        results.check()
        return results

    def search_options(self) -> SearchOptions:
        """Return the options as `HybridIndex.search` takes them, but for those that name pictures.

        Raises
        ------
        typer.BadParameter
            When one of them cannot be read.
        """
        return {
            "filter": self.filter,
            "k": self.k,
            "offset": self.offset,
            "sort": self.sort or None,
            "min_score": least_score(self.min_score),
            "collapse_duplicates": self.collapse,
            "everything": self.everything,
            "weights": leg_numbers(self.weights, "--weights"),
            "fusion": self.fusion.value,
            "num_candidates": self.num_candidates,
            "embedder": self.embedder or None,
            "facets": self.facet or (),
            "explain": self.explain,
            "classes": class_weights(self.more, self.less) or None,
            "colours": self.colour,
            "missing": self.missing,
            "literal": self.literal,
        }

    def examples(self, index: HybridIndex) -> SearchOptions:
        """Return the options that name pictures, stored ones by their ids."""
        liked = [find_document(index, named).id for named in self.like or ()]
        unliked = [find_document(index, named).id for named in self.unlike or ()]
        terms = read_terms(self.text or ())
        return {
            "image": picture(self.image) if self.image is not None else None,
            "like": liked if len(liked) > 1 else next(iter(liked), None),
            "unlike": unliked or None,
            "vector_query": vector_query(index, terms) if terms else None,
        }


def search_command(*, without: Collection[str] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let a command take `arguments: SearchArguments`, and show their fields, but for some, as its own options."""
    hints = get_type_hints(SearchArguments, include_extras=True)
    offered = [
        inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default, annotation=hints[each.name])
        for each in fields(SearchArguments)
        if each.name not in without
    ]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(**given: Any) -> None:
            arguments = SearchArguments(**{each.name: given.pop(each.name) for each in offered})
            command(arguments=arguments, **given)

        parameters: list[inspect.Parameter] = []
        for each in inspect.signature(command, eval_str=True).parameters.values():
            own = each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            parameters += offered if each.name == "arguments" else [own]
        vars(run)["__signature__"] = inspect.Signature(parameters)
        return run

    return decorate


def leg_numbers(text: str | None, option: str) -> dict[str, float] | None:
    """Read `text=2,vector=1` as a mapping of leg to number.

    Examples
    --------
    >>> leg_numbers("text=2, vector=0.5", "--weights")
    {'text': 2.0, 'vector': 0.5}
    """
    if text is None:
        return None
    numbers: dict[str, float] = {}
    for part in text.split(","):
        # names of embedders with options have a "=" too
        leg, _, number = part.rpartition("=")
        try:
            numbers[leg.strip()] = float(number if leg else "")
        except ValueError:
            raise typer.BadParameter(f"{option} takes LEG=NUMBER,… such as text=2,vector=1 (got {text!r})") from None
    return numbers


def least_score(text: str | None) -> float | dict[str, float] | None:
    """Read the value of --min-score: one number, or one for some legs.

    Examples
    --------
    >>> least_score("0.02"), least_score("vector=0.5")
    (0.02, {'vector': 0.5})
    """
    try:
        return None if text is None else float(text)
    except ValueError:
        return leg_numbers(text, "--min-score")
