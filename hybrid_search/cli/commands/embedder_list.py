"""`hybrid-search embedder list`: what there is, what of it is here, and the command that brings the rest."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from hybrid_search.cli.output import terminal
from hybrid_search.cli.parsing import options

READY, FETCH, PACKAGE = "ready", "to fetch", "needs a package"
GIVE = MappingProxyType({"FILE": "needs a file", "FOLDER": "needs a folder"})


@dataclass(frozen=True)
class EmbedderListing:
    """An embedder as it is listed.

    Parameters
    ----------
    name : str
        What to write for `--embedder`; FILE and FOLDER stand for your own.
    takes : {"pictures", "words", "pictures, words"}
        What it turns into vectors.
    state : {"ready", "to fetch", "needs a package", "needs a file", "needs a folder"}
        Whether it can be used now.
    command : str
        What makes it so; none where that happens by itself at the first use.
    note : str
        What it is, or is for.
    megabytes : int or None
        What is to be brought, for models of the hub.
    licence, languages, recall : str
        What is published of models of the hub.
    rate : float
        Pictures that one of their architecture embeds in a second of one core; 0 where it was not measured.
    """

    name: str
    takes: str
    state: str
    command: str
    note: str
    megabytes: int | None = None
    licence: str = ""
    languages: str = ""
    recall: str = ""
    rate: float = 0


@dataclass(frozen=True)
class _Fact:
    example: str
    takes: str
    note: str
    packages: tuple[str, ...] = ()


_FACTS = MappingProxyType(
    {
        "lite": _Fact("lite", "pictures", "EfficientNet-Lite0, names what it sees; comes with the package"),
        "lite+minilm": _Fact("lite+minilm", "pictures, words", "words reach what lite sees; the best without a hub"),
        "keras": _Fact(
            "keras:resnet50",
            "pictures",
            "any network of keras.applications; Keras brings its weights at the first use",
            ("tensorflow",),
        ),
        "onnx": _Fact("onnx:FILE", "pictures", "a network of your own"),
        "clip": _Fact("clip:FOLDER", "pictures, words", "CLIP and its like, as ONNX"),
        "siglip": _Fact("siglip:FOLDER", "pictures, words", "SigLIP and SigLIP 2, as ONNX"),
        "dino": _Fact("dino:FOLDER", "pictures", "DINO and DINOv2, as ONNX"),
        "joint": _Fact("joint:FILE", "pictures, words", "trained on your captions: `train joint`"),
        "head": _Fact("head:FILE", "pictures", "trained on your labels: `train head`"),
        "autoencoder": _Fact("autoencoder:FILE", "pictures", "trained on your pictures: `train autoencoder`"),
        "colour": _Fact("colour", "pictures", "colours alone", ("skimage",)),
        "local": _Fact("local", "pictures", "local features", ("cv2",)),
        "hog": _Fact("hog", "pictures", "shapes alone", ("skimage",)),
        "histogram+hog": _Fact("histogram+hog", "pictures", "colours and shapes, no network"),
        "minilm": _Fact("caption:minilm", "words", "captions by meaning, in English"),
        "glove": _Fact("caption:glove:FILE", "words", "captions by the mean of their words"),
        "word2vec": _Fact("caption:word2vec:FILE", "words", "captions by the mean of their words"),
    }
)
_NEEDS_MINILM = ("minilm", "lite+minilm")


def list_(
    as_json: Annotated[bool, options.flag("--json", help="All that is known of each, as JSON.")] = False,
) -> None:
    """List what turns pictures and words into vectors: what is ready, and the command that brings what is not."""
    rows = listed()
    if as_json:
        from hybrid_search.cli.output.hit_formats import dump

        dump([{name: value for name, value in asdict(row).items() if value not in ("", None, 0)} for row in rows])
    elif terminal.is_terminal():
        _print_table(rows)
    else:
        _print_plain(rows)


def listed() -> list[EmbedderListing]:
    """Return all embedders: those of this package and of others, text towers, and recommended models of the hub."""
    from hybrid_search.embedders.registry import known_embedders, known_text_embedders

    rows = []
    for name, entry in [*known_embedders().items(), *known_text_embedders().items()]:
        fact = _FACTS.get(name) or _Fact(name, "pictures", f"from {entry.target.partition(':')[0]}")
        state, command = _state(name, fact, entry.install)
        rows.append(EmbedderListing(fact.example, fact.takes, state, command, fact.note))
    order = list(_FACTS)
    rows.sort(key=lambda row: next((order.index(name) for name in order if _FACTS[name].example == row.name), 99))
    return [*rows, *_published()]


def _state(name: str, fact: _Fact, install: str) -> tuple[str, str]:
    if any(find_spec(package) is None for package in fact.packages):
        return PACKAGE, install
    if name in _NEEDS_MINILM:
        from hybrid_search.embedders.minilm.model_files import is_here

        return (READY, "") if is_here() else (FETCH, "hybrid-search embedder fetch minilm")
    if name == "keras" and not keras_weights().is_file():
        return FETCH, ""
    return GIVE.get(fact.example.rpartition(":")[2], READY), ""


def keras_weights() -> Path:
    """Return where Keras keeps the weights of the network that is listed; Keras itself takes seconds to say so."""
    home, user = os.environ.get("KERAS_HOME"), os.path.expanduser("~")
    place = Path(home or os.path.join(user if os.access(user, os.W_OK) else "/tmp", ".keras"))
    return place / "models" / "resnet50_weights_tf_dim_ordering_tf_kernels.h5"


def _published() -> Iterator[EmbedderListing]:
    from hybrid_search.embedders.hub.download import is_here
    from hybrid_search.embedders.hub.recommended_models import RECOMMENDED

    for model in RECOMMENDED:
        here = is_here(model.name)
        yield EmbedderListing(
            model.name,
            "pictures, words" if model.languages else "pictures",
            READY if here else FETCH,
            "" if here else f"hybrid-search embedder fetch {model.word or model.name}",
            model.hint,
            model.megabytes,
            model.licence,
            model.languages,
            model.recall,
            model.rate,
        )


def _about(row: EmbedderListing) -> str:
    """Return what is known of a row in one line."""
    size = f"{row.megabytes:,} MB" if row.megabytes else ""
    asked = f"asked in {row.languages}" if row.languages else ""
    rate = f"{row.rate:g} pictures/s of a core" if row.rate else ""
    return "; ".join(filter(None, (row.note, row.recall, asked, row.licence, size, rate)))


def _print_table(rows: Sequence[EmbedderListing]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("name", overflow="fold")
    table.add_column("takes", overflow="fold")
    table.add_column("state", no_wrap=True)
    table.add_column("what it is", overflow="fold")
    styles = {READY: "green", FETCH: "yellow", PACKAGE: "yellow", **dict.fromkeys(GIVE.values(), "dim")}
    for row in rows:
        about = Text(terminal.escape(_about(row)))
        if row.command:
            about.append(f"\n{terminal.escape(row.command)}", style="dim")
        name, takes = Text(terminal.escape(row.name)), Text(row.takes)
        table.add_row(name, takes, Text(row.state, style=styles[row.state]), about)
    terminal.console().print(table)


def _print_plain(rows: Sequence[EmbedderListing]) -> None:
    cells = [[terminal.escape(text) for text in (row.name, row.takes, row.state, _about(row))] for row in rows]
    widths = [max(map(len, column)) for column in list(zip(*cells, strict=True))[:-1]]
    for line, row in zip(cells, rows, strict=True):
        padded = [text.ljust(width) for text, width in zip(line, widths, strict=False)]
        terminal.write("  ".join([*padded, line[-1]]).rstrip() + "\n")
        if row.command:
            terminal.write(f"    {terminal.escape(row.command)}\n")
