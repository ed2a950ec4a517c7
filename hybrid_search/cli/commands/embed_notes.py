"""What `embed` says at its end, or when it is interrupted: what was done, and the command for what may come next."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hybrid_search.cli.suggest import command
from hybrid_search.errors.numbers import counted

if TYPE_CHECKING:
    from hybrid_search.index import HybridIndex
    from hybrid_search.ingest import Progress


class Seen:
    """Counts what is done on its way to a progress bar."""

    def __init__(self) -> None:
        self.done = 0

    def before(self, bar: Callable[[Progress], None] | None) -> Callable[[Progress], None]:
        """Return what is to be told of the progress: it counts, and moves the bar where there is one."""

        def tell(progress: Progress) -> None:
            self.done = progress.done - progress.failed
            if bar is not None:
                bar(progress)

        return tell


def interrupted(done: int, left: Sequence[str], *, again: bool = False, default: str | None = None) -> str:
    """Return what is kept after Ctrl-C, and the command that does the rest.

    Parameters
    ----------
    done : int
        Pictures that have been given a vector of the first embedder.
    left : sequence of str
        The embedder that was interrupted, and those that have not begun.
    again : bool
        All vectors were to be computed anew.
    default : str, optional
        What was to be the default in the end.

    Examples
    --------
    >>> interrupted(64, ["colour:lab", "hog"])
    'interrupted: 64 pictures were given a vector of colour:lab; `hybrid-search embed colour:lab hog` goes on'
    """
    given = f"{counted(done, 'picture')} {'was' if done == 1 else 'were'} given a vector of {left[0]}"
    kept = given if done else f"the first batch of {left[0]} was not done"
    wanted = shlex.join(["embed", *left, *(("--default", default) if default else ())])
    if again:
        return f"interrupted: {kept}; {command(f'{wanted} --again')} begins again, without --again it makes what lacks"
    return f"interrupted: {kept}; {command(wanted)} goes on"


def has_no_words(index: HybridIndex) -> bool:
    """Tell whether there is a picture, but none with a caption, a title or a tag."""
    from hybrid_search.ingest.vector_sources import WordFiller

    return len(index) > 0 and not index.backend.count(dict(WordFiller.wanted))


def where_it_is_used(index: HybridIndex, name: str) -> str:
    """Return how to search by an embedder that searches do not use by themselves, "" where they do."""
    from hybrid_search.document.index_embedders import EmbedderSet

    held = EmbedderSet(index.backend.definition())
    key = held.key(name)
    spec, default = held.specs[key], held.specs[held.default]
    if spec.of != "image" or spec == default:
        return ""
    for_words = next((each for each in held.images() if held.specs[each].embeds_text), None)
    still = f"words go to {spec.name} now, pictures" if key == for_words else "searches that name no embedder go"
    asked, named = "WORDS" if spec.embeds_text else "--image FILE", shlex.quote(spec.name)
    return (
        f"{still} to {default.name}; {command(f'search {asked} --embedder {named}')} asks the new one, "
        f"{command(f'embed --default {named}')} makes it the default"
    )
