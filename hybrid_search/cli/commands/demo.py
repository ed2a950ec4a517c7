"""A first look: index some photos, ask for them in four ways, list their copies, and draw a sheet of what was found."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hybrid_search.cli.commands.index import note_failures
from hybrid_search.cli.output import hit_formats, terminal
from hybrid_search.cli.output.hit_columns import lookup
from hybrid_search.cli.output.output_files import check_replaceable
from hybrid_search.cli.output.progress_bar import progress_bar
from hybrid_search.cli.parsing import options

if TYPE_CHECKING:
    from hybrid_search.hits.hits import Hits
    from hybrid_search.index import HybridIndex

K = 3  # hits a search; the sheet has as many columns
NO_PHOTOS = ("multipage*", "chessboard*", "no_time_for_that*")
"""Files of scikit-image that are there to test decoders."""


@dataclass(frozen=True)
class Question:
    """One search of the demo: what it shows, and what is asked."""

    shows: str
    text: str | None = None
    image: str | None = None
    filter: str | None = None
    min_cosine: float | None = None
    collapse: bool = True

    @property
    def command(self) -> str:
        """The same search as somebody would type it."""
        words = [f'"{self.text}"'] if self.text else []
        words += ["--image", _quoted(terminal.short_path(self.image))] if self.image else []
        words += ["--filter", _quoted(self.filter)] if self.filter else []
        words += ["--min-score", f"vector={self.min_cosine:g}"] if self.min_cosine else []
        words += [] if self.collapse else ["--no-collapse"]
        return " ".join(words)

    @property
    def title(self) -> str:
        """What is asked, in one line for the sheet."""
        parts = [self.text and f'"{self.text}"', self.image and os.path.basename(self.image), self.filter]
        return f"{self.shows}:  {'  +  '.join(part for part in parts if part)}"


def demo(
    folder: Annotated[
        Path | None,
        typer.Argument(
            exists=True, file_okay=False, metavar="FOLDER", help="Your photos; those of scikit-image by default."
        ),
    ] = None,
    captions: Annotated[Path | None, options.captions_file("Captions for them.")] = None,
    out: Annotated[Path, options.value("--out", "FOLDER", "Where the index and the sheet go.", file_okay=False)] = Path(
        "demo"
    ),
) -> None:
    """Index some photos, ask for them in four ways, list their copies, and write what was found on a contact sheet."""
    run_demo(folder, captions, out)


def run_demo(folder: Path | None, captions: Path | None, out: Path) -> Path:
    """Index a folder, search it by words, by example, by filter and by all three at once; return the sheet's path.

    Parameters
    ----------
    folder : Path or None
        Photos to index; None takes the freely licensed ones that scikit-image installs.
    captions : Path or None
        A captions file; for scikit-image's photos this project has its own.
    out : Path
        A folder for `index/`, `contact-sheet.png`, `duplicates.html` and the bundled photos; made when absent.
    """
    from hybrid_search.index import HybridIndex

    for name in ("duplicates.html", "contact-sheet.png"):
        check_replaceable(out / name, force=False, remedy="name another folder with --out")
    out.mkdir(parents=True, exist_ok=True)
    chosen = folder or _copy_photos(bundled_photos(), out / "photos")
    # beside a checkout of this project; not there where the package was installed alone
    ours = Path(__file__).parents[3] / "examples" / "captions.csv"
    captions = captions or (ours if folder is None and ours.is_file() else None)
    answers: list[tuple[str, Hits]] = []
    place = _quoted(os.fspath(out / "index"))
    with HybridIndex(out / "index") as index:
        _fill(index, chosen, captions)
        for number, question in enumerate(questions(index, chosen, bundled=folder is None), 1):
            asked: dict[str, Any] = {"image": question.image, "filter": question.filter, "k": K}
            asked["collapse_duplicates"] = None if question.collapse else False
            hits = index.search(question.text, **asked, min_score={"vector": question.min_cosine or -1.0})
            terminal.write(f"\n{number}. {question.shows}\n$ hybrid-search --index {place} search {question.command}\n")
            hit_formats.print_hits(hits, "table")
            answers.append((f"{number}. {question.title}", hits))
        _show_copies(index, place, out / "duplicates.html")
    sheet = _write_sheet(answers, out / "contact-sheet.png")
    terminal.write(f"\nAll of it as pictures: {sheet}\nNow you:  hybrid-search --index {place} search WORDS\n")
    return sheet


def bundled_photos() -> Path:
    """Return the folder of photos that scikit-image installs, without importing it.

    Raises
    ------
    typer.BadParameter
        When scikit-image is not installed.
    """
    from importlib.util import find_spec

    spec = find_spec("skimage")
    for place in (spec.submodule_search_locations if spec else None) or ():
        folder = Path(place) / "data"
        if (folder / "astronaut.png").is_file():
            return folder
    raise typer.BadParameter(
        "no photos: name a folder of yours, or take the free ones of scikit-image: pip install --no-deps scikit-image"
    )


def _copy_photos(source: Path, target: Path) -> Path:
    """Copy the photos to a folder with a short name, and two of them once more as people edit them.

    One is smaller and brighter, as for the web; one is turned by a few degrees and cropped.
    """
    import shutil

    from PIL import Image, ImageEnhance

    target.mkdir(exist_ok=True)
    for path in sorted(source.iterdir()):
        if path.suffix in (".png", ".jpg") and not any(path.match(pattern) for pattern in NO_PHOTOS):
            copy = target / path.name
            if copy.exists() and copy.read_bytes() != path.read_bytes():
                raise typer.BadParameter(f"there is another file {copy}; name another folder with --out")
            shutil.copy2(path, copy)
    with Image.open(target / "chelsea.png") as photo:
        small = photo.convert("RGB").resize((300, 200))
    if not (target / "chelsea-web.jpg").exists():
        ImageEnhance.Brightness(small).enhance(1.15).save(target / "chelsea-web.jpg", quality=50)
    with Image.open(target / "coffee.png") as photo:
        turned = photo.convert("RGB").rotate(4, Image.Resampling.BICUBIC).crop((90, 60, 510, 340))
    if not (target / "coffee-straight.jpg").exists():
        turned.save(target / "coffee-straight.jpg", quality=80)
    return target


def questions(index: HybridIndex, folder: Path, *, bundled: bool) -> list[Question]:
    """Return the four searches: written for scikit-image's photos, made from what is there for any other folder."""
    if bundled:
        cat, galaxies = (os.fspath(folder / name) for name in ("chelsea.png", "hubble_deep_field.jpg"))
        return [
            _sentence(index),
            Question("An example, and its smaller, brighter copy", image=cat, min_cosine=0.5, collapse=False),
            Question("A filter", filter="tags:texture AND width:[400 TO *]"),
            Question(
                "Words, an example and a filter in one query",
                text="night",
                image=galaxies,
                filter="tags:space AND NOT tags:people",
            ),
        ]
    documents = list(index)
    word, example = _common_label(documents)
    condition = _common_condition(documents)
    return [
        Question("Words, in captions or in what the embedder sees", text=word),
        Question("An example", image=example),
        Question("A filter", filter=condition),
        Question("Words, an example and a filter in one query", text=word, image=example, filter=condition),
    ]


def _sentence(index: HybridIndex) -> Question:
    """Return the search by words alone: no caption has one of them, and a network has no label of them."""
    if index.embedder.embeds_text:
        return Question("Words for pictures that nobody captioned", text="something warm to drink", min_cosine=0.15)
    terminal.note("sentences find pictures too after: hybrid-search embedder fetch minilm")
    return Question("Words, in captions or in what the embedder sees", text="vehicle")


def _common_label(documents: list[Any]) -> tuple[str, str | None]:
    """Return the commonest first label, and a picture of it that is still there."""
    labelled = [(label, document.path) for document in documents for label in (document.source.get("labels") or ())[:1]]
    paths = [path for _, path in labelled] or [document.path for document in documents]
    word = Counter(label for label, _ in labelled).most_common(1)[0][0] if labelled else "photo"
    likely = [path for label, path in labelled if label == word] + paths
    return word, next((path for path in likely if path and Path(path).is_file()), None)


def _common_condition(documents: list[Any]) -> str:
    for field in ("camera.make", "format"):
        values = Counter(value for document in documents if (value := lookup(document.source, field)))
        if values:
            return f'{field}:"{values.most_common(1)[0][0]}"'
    return "width:[1 TO *]"


def _fill(index: HybridIndex, folder: Path, captions: Path | None) -> None:
    terminal.write(f"Indexing the photos of {folder}\n")
    with progress_bar(shown=True) as progress:
        report = index.add_folder(folder, captions=captions, progress=progress)
    note_failures(report.failed)
    if not len(index):
        raise typer.BadParameter(f"no pictures in {folder}")
    terminal.write(f"{report.added} added, {report.unchanged} unchanged in {report.seconds:.1f} s, no server started\n")


def _show_copies(index: HybridIndex, place: str, page: Path) -> None:
    from hybrid_search.cli.commands.duplicates_listing import Listing
    from hybrid_search.duplicates.compare.features import can_extract
    from hybrid_search.duplicates.compare.judge import INSTALL

    typed = f"hybrid-search --index {place} duplicates --html {_quoted(os.fspath(page))}"
    terminal.write(f"\n5. Copies, whatever was done to them\n$ {typed}\n")
    Listing(html=page, title=place, progress=False).run(index)
    if not can_extract():
        terminal.note(f"cropped and turned copies are found too after: {INSTALL}")


def _write_sheet(answers: list[tuple[str, Hits]], path: Path) -> Path:
    from PIL import Image

    from hybrid_search.cli.output.contact_sheet import PAPER, draw_sheet, save_sheet

    strips = [draw_sheet(hits, title=title, columns=K) for title, hits in answers]
    rows = [strips[start : start + 2] for start in range(0, len(strips), 2)]
    width = max(strip.width for strip in strips)
    sheet = Image.new("RGB", (2 * width, sum(max(strip.height for strip in row) for row in rows)), PAPER)
    top = 0
    for row in rows:
        for column, strip in enumerate(row):
            sheet.paste(strip, (column * width, top))
        top += max(strip.height for strip in row)
    save_sheet(sheet, path)
    return path


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)
