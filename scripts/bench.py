"""Measure, as ratios within one run: `python scripts/bench.py [ingest] [signature] [search] [start] …`.

Prints Markdown. Photos come from --photos FOLDER, else from the shared test data that HYBRID_SEARCH_DATA names, else
from scikit-image's wheel. `make bench` runs what needs neither a server nor long; `elasticsearch` starts a server, or
measures those of --url; `codes`, `colours`, `duplicates`, `removable`, `grouping`, `grouping-files`, `large`,
`many-copies`, `embedders`, `ocr`, `search-path`, `suggest`, `understood` and `words` run by name. The latest output is
in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from scripts.benchmarks import ingest, search, signature, start
from scripts.benchmarks.machine import describe_machine

PARTS = {"ingest": ingest.measure, "signature": signature.measure, "search": search.measure, "start": start.measure}


def elasticsearch(photos: Path, options: argparse.Namespace) -> str:
    from scripts.benchmarks import elasticsearch

    sizes = tuple(options.sizes or elasticsearch.SIZES)
    given: dict[str, Any] = {
        "dims": options.dims,
        "vectors": options.vectors,
        "only": tuple(options.only),
        "merge": options.merge,
    }
    return elasticsearch.measure(photos, quick=options.quick, urls=tuple(options.url), sizes=sizes, **given)


def signature_lookup(photos: Path, options: argparse.Namespace) -> str:
    from scripts.benchmarks import signature_lookup

    if not options.url:
        raise SystemExit("signature-lookup measures a running server; name it with --url")
    sizes = tuple(options.sizes or signature_lookup.SIZES)
    return "\n".join(signature_lookup.measure(photos, quick=options.quick, url=url, sizes=sizes) for url in options.url)


def codes(photos: Path, options: argparse.Namespace) -> str:
    from scripts.benchmarks import codes

    return codes.measure(photos, quick=options.quick)


def search_path(photos: Path, options: argparse.Namespace) -> str:
    from scripts.benchmarks import search_path

    if options.before is None:
        raise SystemExit("search-path compares two checkouts; name the earlier one, a git worktree, with --before")
    return search_path.measure(options.before, sizes=tuple(options.sizes or (1_000, 100_000)))


def search_or_peers(photos: Path, options: argparse.Namespace) -> str:
    if not options.peers:
        return search.measure(photos, quick=options.quick)
    from scripts.benchmarks import peers

    return peers.measure(size=1_000 if options.quick else (options.sizes or [peers.SIZE])[0])


def large(photos: Path, options: argparse.Namespace) -> str:
    from scripts.benchmarks import large

    return large.measure(sizes=tuple(options.sizes or large.SIZES), folder=options.folder)


def duplicates(photos: Path, options: argparse.Namespace) -> str:
    from scripts.benchmarks import duplicates

    data = os.environ.get("HYBRID_SEARCH_DATA")
    everything = Path(data) if data and not options.photos else photos
    given = {"cache": options.cache, "videos": options.videos, "workers": options.workers, "only": options.sources}
    return duplicates.measure(everything, quick=options.quick, **given)


def grouping(photos: Path, options: argparse.Namespace) -> str:
    from scripts.benchmarks import grouping

    return grouping.measure(photos, quick=options.quick, **({"sizes": tuple(options.sizes)} if options.sizes else {}))


def grouping_files(photos: Path, options: argparse.Namespace) -> str:
    from scripts.benchmarks import grouping_files

    data = os.environ.get("HYBRID_SEARCH_DATA")
    everything = Path(data) if data and not options.photos else photos
    return grouping_files.measure(everything, quick=options.quick)


def many_copies(photos: Path, options: argparse.Namespace) -> str:
    from scripts.benchmarks import many_copies

    return many_copies.measure(photos, quick=options.quick)


def embedders(photos: Path, options: argparse.Namespace) -> str:
    from scripts.benchmarks import embedders

    return embedders.measure(photos, quick=options.quick, only=options.embedders, names=options.name)


def removable(photos: Path, options: argparse.Namespace) -> str:
    from scripts.benchmarks import removable

    data = os.environ.get("HYBRID_SEARCH_DATA")
    everything = Path(data) if data and not options.photos else photos
    given = {"folder": options.folder, "seed": options.seed, "half": options.half, "first": options.first}
    given |= {
        "direct": options.direct,
        "holes": options.holes,
        "listed": options.list,
        "only": options.kind,
        "workers": options.workers,
    }
    return removable.measure(everything, count=options.pairs or (2 if options.quick else removable.COUNT), **given)


def colours(photos: Path, options: argparse.Namespace) -> str:
    from scripts.benchmarks import colours

    data = os.environ.get("HYBRID_SEARCH_DATA")
    if not data:
        raise SystemExit("colours measures with the shared test data; say where they are in HYBRID_SEARCH_DATA")
    return colours.measure(Path(data), options.half or "")


def ocr(photos: Path, options: argparse.Namespace) -> str:
    from scripts.benchmarks import ocr

    given = {"seed": options.seed, "half": options.half or "ab", "parts": options.part, "sheet": options.sheet}
    return ocr.measure(photos, quick=options.quick, **given)


def understood(photos: Path, options: argparse.Namespace) -> str:
    from scripts.benchmarks import understanding

    sizes = (500,) if options.quick else tuple(options.sizes or (1_000, 100_000))
    return "\n".join(understanding.measure(documents=size, names=max(1, size // 20)) for size in sizes)


def suggest(photos: Path, options: argparse.Namespace) -> str:
    from scripts.benchmarks import completing

    sizes = (500,) if options.quick else tuple(options.sizes or (100_000,))
    return "\n".join(completing.measure(documents=size, names=max(1, size // 20), urls=options.url) for size in sizes)


def words(photos: Path, options: argparse.Namespace) -> str:
    from scripts.benchmarks import words

    data = os.environ.get("HYBRID_SEARCH_DATA")
    if not data:
        raise SystemExit("words measures with the shared test data; say where they are in HYBRID_SEARCH_DATA")
    given = {"half": options.half or "", "per_query": options.per_query, "fresh": options.fresh}
    given |= {"read_text": options.read_text}
    given |= {"embedders": options.embedder} if options.embedder else {}
    given |= {"sets": (options.set,)} if options.set != "all" else {}
    given |= {"year": options.year} if options.year else {}
    search = {"fusion": options.fusion} if options.fusion else {}
    after = words.measure(Path(data), words.Options(**given, search=search))
    if options.before is None or words.is_checkout(options.before):
        return after
    before = words.measure_checkout(options.before, sys.argv[1:])
    return f"## Before\n\n{before}\n## After\n\n{after}"


BY_NAME = {
    "codes": codes,
    "colours": colours,
    "embedders": embedders,
    "elasticsearch": elasticsearch,
    "signature-lookup": signature_lookup,
    "duplicates": duplicates,
    "grouping": grouping,
    "grouping-files": grouping_files,
    "large": large,
    "many-copies": many_copies,
    "ocr": ocr,
    "removable": removable,
    "search": search_or_peers,
    "search-path": search_path,
    "suggest": suggest,
    "words": words,
    "understood": understood,
}


def main() -> None:
    options = parser().parse_args()
    photos = options.photos or default_photos()
    print(f"{describe_machine()}\n\nCommand: `python scripts/bench.py {' '.join(sys.argv[1:])}`\n", flush=True)
    for part in options.parts or PARTS:
        if part in BY_NAME:
            print(BY_NAME[part](photos, options), flush=True)
        else:
            print(PARTS[part](photos, quick=options.quick), flush=True)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "parts", nargs="*", choices=[*dict.fromkeys([*PARTS, *BY_NAME]), []], help=f"default: {' '.join(PARTS)}"
    )
    parser.add_argument("--photos", type=Path, help="a folder of real photos")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument(
        "--sizes", nargs="+", type=int, metavar="N", help="numbers of documents, where a part takes any"
    )
    parser.add_argument(
        "--peers", action="store_true", help="search: all in one beside LanceDB, where it is installed, and no more"
    )
    parser.add_argument(
        "--before", type=Path, metavar="FOLDER", help="search-path, words: the checkout of an earlier commit"
    )
    parser.add_argument(
        "--embedders",
        nargs="+",
        default=[],
        choices=["speed", "indexing", "start", "words", "similar", "joint", "people", "dtypes"],
        metavar="PART",
        help="parts of embedders: speed indexing start words similar joint people dtypes; all by default",
    )
    parser.add_argument(
        "--name",
        nargs="+",
        default=[],
        help="measure what these embedders find instead, such as clip:FOLDER, lite+minilm, glove:FILE",
    )
    copies = parser.add_argument_group("duplicates")
    copies.add_argument(
        "--cache", type=Path, help="where copies and results are kept; by default the user's cache folder"
    )
    copies.add_argument("--workers", type=int, default=1, help="processes that look pictures up")
    copies.add_argument("--sources", type=int, metavar="N", help="copies of so many photos only, of 200")
    copies.add_argument("--videos", type=Path, help="a folder of videos, for frames of real scenes")
    parser.add_argument("--part", nargs="+", default=[], choices=["words", "photos", "seconds"], help="parts of ocr")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="ocr: draw all photos in which something was read")
    pairs = parser.add_argument_group("removable, ocr")
    pairs.add_argument("--pairs", type=int, metavar="N", help="pairs of each kind, of harmless ones half as many; 16")
    pairs.add_argument("--seed", type=int, default=0, help="another one makes other pairs, or draws other pictures")
    pairs.add_argument("--half", choices=["a", "b"], help="tune on a, report b; by default both")
    pairs.add_argument("--first", type=int, metavar="N", help="only the first pairs of each kind in the half")
    pairs.add_argument("--direct", action="store_true", help="judge pairs by themselves, without an index")
    pairs.add_argument("--holes", action="store_true", help="with --direct, the treacherous pairs of `duplicates` too")
    pairs.add_argument("--list", action="store_true", help="list the wrong pairs and the harmless ones that are lost")
    pairs.add_argument("--kind", default="", help="only kinds and classes whose name holds this")
    pairs.add_argument("--folder", type=Path, help="where pairs and indexes of large are kept")
    typed = parser.add_argument_group("words, which takes --half and --before too")
    typed.add_argument("--embedder", nargs="+", default=[], metavar="NAME", help="by default lite lite+minilm")
    typed.add_argument("--set", choices=["typed", "own", "all"], default="all", help="which queries; all by default")
    typed.add_argument("--fusion", help="how legs are fused; by default what a search does")
    typed.add_argument("--per-query", action="store_true", help="list every query")
    typed.add_argument("--year", type=int, help="what `last year` means; by default the year before this one")
    typed.add_argument("--read-text", action="store_true", help="read the text inside pictures, with RapidOCR")
    typed.add_argument("--fresh", action="store_true", help="index again what is in the cache")
    servers = parser.add_argument_group("elasticsearch, signature-lookup, suggest")
    servers.add_argument(
        "--url", nargs="+", default=[], help="running servers; by default one is started, but not by suggest"
    )
    servers.add_argument("--dims", type=int, default=512)
    servers.add_argument("--vectors", default="hnsw", help="how vectors are indexed: hnsw, int8_hnsw, …")
    servers.add_argument(
        "--only", nargs="+", default=[], choices=["bulk", "requests", "latency", "filters", "bytes", "ways"]
    )
    servers.add_argument("--merge", action="store_true", help="merge to one segment before searching")
    return parser


def default_photos() -> Path:
    """Return the folder of photos to measure with."""
    shared = Path(os.environ.get("HYBRID_SEARCH_DATA", "")) / "flickr8k" / "images"
    if os.environ.get("HYBRID_SEARCH_DATA") and shared.is_dir():
        return shared
    from importlib.util import find_spec

    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        raise SystemExit("no photos to measure with; pass --photos FOLDER, or pip install scikit-image")
    return Path(spec.origin).parent / "data"


if __name__ == "__main__":
    main()
