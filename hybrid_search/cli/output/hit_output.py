"""How the hits of one command are shown: the form, the sheet, and a line on stderr that says how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hybrid_search.cli import exits
from hybrid_search.cli.output import hit_formats, terminal
from hybrid_search.cli.output.output_files import check_replaceable
from hybrid_search.cli.suggest import command, in_words, worded
from hybrid_search.errors.numbers import counted

if TYPE_CHECKING:
    from hybrid_search.hits.hits import Hits
    from hybrid_search.query.understood.model import Understood


@dataclass(frozen=True)
class Results:
    """What the options ask to be shown.

    Parameters
    ----------
    form : str
        See `hybrid_search.cli.output.hit_formats.choose`.
    sheet : Path, optional
        Where to write a contact sheet.
    pictures : bool
        Show pictures in the terminal.
    fields, facets : sequence of str
        Fields shown as columns; fields counted.
    force : bool
        Whether the sheet may replace a file that is none.
    explain : bool
        Say what each leg is evidence of.
    """

    form: str
    sheet: Path | None = None
    pictures: bool = False
    fields: Sequence[str] = ()
    facets: Sequence[str] = ()
    force: bool = False
    explain: bool = False

    def check(self) -> None:
        """Refuse what cannot be shown, before anything is searched.

        Raises
        ------
        typer.BadParameter
            When the options contradict each other, or a package is missing.
        """
        if self.facets and self.form not in ("table", "json"):
            raise typer.BadParameter(f"--{self.form} has no place for --facet; use --json")
        if self.sheet is not None:
            from hybrid_search.cli.output.contact_sheet import sheet_format

            try:
                sheet_format(self.sheet)
            except ValueError as error:
                raise typer.BadParameter(str(error)) from None
            check_replaceable(self.sheet, force=self.force)
        if self.pictures and self.form == "table":
            from hybrid_search.cli.output import inline_pictures

            inline_pictures.check()

    def show(
        self, hits: Hits, *, title: str, words: str | None = None, k: int, offset: int = 0, documents: int
    ) -> None:
        """Print the hits, write the sheet, and end the command with its exit code."""
        for lacking in hits.unavailable:
            terminal.note(f"warning: {worded(lacking)}")
        for correction in hits.did_you_mean:
            terminal.note(str(correction))
        if hits.understood:
            _note_understood(hits.understood)
        if hits.foreign is not None:
            terminal.note(in_words(hits.foreign.problem, hits.foreign.remedy))
        hit_formats.print_hits(hits, self.form, fields=self.fields, pictures=self.pictures, explain=self.explain)
        if self.sheet is not None:
            from hybrid_search.cli.output.contact_sheet import write_sheet

            write_sheet(hits, self.sheet, title=title, words=words, force=self.force)
            terminal.note(f"wrote {self.sheet}")
        if self.form == "table" or not hits:
            terminal.note(_summary(hits, k=k, offset=offset, documents=documents))
        raise typer.Exit(exits.OK if hits else exits.NOTHING)


def _note_understood(parts: Sequence[Understood]) -> None:
    """Say what words were taken for, and how they are searched as words; nothing of a part that means what it says."""
    plain = [part for part in parts if part.meaning.removeprefix("taken ").casefold() == part.part.casefold()]
    kept = [part for part in parts if part.clause is not None]
    meant = "; ".join(str(part) for part in kept if part not in plain)
    notes = [f"understood: {meant}"] if meant else []
    if words := "; ".join(part.part if part in plain else str(part) for part in parts if part.clause is None):
        fits = "fits" if any(not part.excluded for part in kept) else "fits all of it"
        notes.append(f"searched as words, as no picture {fits}: {words}")
    if notes:
        terminal.note("; ".join(notes) + (" — --literal searches the words instead" if kept else ""))


def _summary(hits: Hits, *, k: int, offset: int, documents: int) -> str:
    if not documents:
        return f"nothing found: the index is empty; {command('index FOLDER')} fills it"
    # every picture is more or less near to a vector: their number says how many were fetched, not how many match
    nearest = "knn" in hits.body and not hits.ended
    if not hits:
        if offset and hits.total and not nearest:
            found = f"{counted(hits.total, 'picture')}{' or more' if hits.at_least else ''}"
            return f"nothing after the first {offset:,}: found {found} in all"
        past = f" after the first {offset:,}" if offset else ""
        rest = "; --all shows what resembles it most" if hits.ended else ""
        return f"nothing found{past} among {counted(documents, 'picture')} in {hits.took_ms:.1f} ms{rest}"
    first, last = offset + 1, offset + len(hits)
    shown = counted(len(hits), "hit")
    if offset if nearest else hits.total > len(hits):
        span = f"hits {first:,} to {last:,}" if len(hits) > 1 else f"hit {first:,}"
        shown = span if nearest else f"{span} of {hits.total:,}{' or more' if hits.at_least else ''}"
    goes_on = len(hits) == k and last < documents if nearest else last < hits.total or hits.at_least
    more = f"; --offset {last} shows the next" if goes_on else "; more by resemblance: --all" if hits.ended else ""
    return f"{shown} in {hits.took_ms:.1f} ms{more}"
