"""What a file is, by its content; and which file names are worth a look."""

from __future__ import annotations

import os
from pathlib import PurePath

from hybrid_search.images.tiff import raw_kind

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "jp2"),
    (b"\xff\x4f\xff\x51", "jp2"),
    (b"\xff\x0a", "jxl"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "jxl"),
    (b"8BPS\x00\x01", "psd"),
    (b"icns", "icns"),
    (b"DDS ", "dds"),
    (b"qoif", "qoi"),
    (b"\x01\xda", "sgi"),
    (b"\x59\xa6\x6a\x95", "sun"),
    (b"FUJIFILMCCD-RAW", "raf"),
    (b"IIRO", "orf"),
    (b"IIRS", "orf"),
    (b"MMOR", "orf"),
    (b"IIU\x00", "rw2"),
    (b"II\x1a\x00\x00\x00HEAPCCDR", "crw"),
    (b"\x00MRM", "mrw"),
    (b"FOVb", "x3f"),
)
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1", b"mif2"}
_ICONS = {b"\x00\x00\x01\x00": "ico", b"\x00\x00\x02\x00": "cur"}
_AVIF_BRANDS = {b"avif", b"avis"}

RAW_FORMATS = frozenset(
    "arw cr2 cr3 crw dcr dng erf kdc mef mos mrw nef nrw orf pef raf raw rw2 rwl sr2 srf srw x3f 3fr iiq".split()
)
"""Camera RAW formats, read through the preview that the camera put inside."""

SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in [
        *"jpg jpeg jpe jfif mpo png apng gif webp tif tiff bmp dib ppm pgm pbm pnm pfm jp2 j2k jpf jpx jpc j2c".split(),
        *"avif avifs heic heics heif heifs hif jxl psd ico cur icns tga dds qoi sgi rgb bw ras pcx".split(),
        *RAW_FORMATS,
    ]
)
"""Lower-case suffixes of image files, RAW included."""

_NOT_IMAGES: tuple[tuple[bytes, str], ...] = (
    (b"%!PS", "PostScript, a program rather than pixels"),
    (b"\xc5\xd0\xd3\xc6", "PostScript, a program rather than pixels"),
    (b"%PDF", "a PDF document"),
    (b"<svg", "an SVG drawing; export it as PNG first"),
    (b"<?xml", "XML text"),
    (b"<!DOCTYPE", "a web page"),
    (b"<!doctype", "a web page"),
    (b"<html", "a web page"),
    (b"<HTML", "a web page"),
    (b"{", "JSON text"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a RAR archive"),
    (b"version https://git-lfs", "a Git LFS pointer; fetch the file with `git lfs pull`"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM film"),
)


def sniff(data: bytes) -> str | None:
    """Return the format of an image by its content, lower case ("jpeg", "png", "heif", "cr2", …), or None.

    The first 64 bytes are enough for all but camera RAW files built on TIFF, which need the whole file to be told from
    TIFF. Multi-picture JPEG files (MPO) are "jpeg": many phones add a second picture to every photo.

    Examples
    --------
    >>> sniff(b"GIF89a...")
    'gif'
    """
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    if data.startswith(_TIFF):
        return "cr2" if data[8:10] == b"CR" else raw_kind(data) or "tiff"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp":
        return _iso_media(data)
    return _weak_magic(data[:64])


def _iso_media(data: bytes) -> str | None:
    length = min(int.from_bytes(data[:4], "big"), 256)
    brands = [data[start : start + 4] for start in (8, *range(16, max(length, 16), 4))]
    if brands[0] == b"crx ":
        return "cr3"
    if brands[0] in _AVIF_BRANDS or (brands[0] in _HEIF_BRANDS and not _AVIF_BRANDS.isdisjoint(brands)):
        return "avif"
    return "heif" if not _HEIF_BRANDS.isdisjoint(brands) else None


def _weak_magic(head: bytes) -> str | None:
    """Tell formats whose first bytes alone are too common, by the fields that follow them."""
    if len(head) < 8:
        return None
    if head[:4] in _ICONS and head[4:6] != bytes(2):
        return _ICONS[head[:4]]
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return "bmp"
    if head[:1] == b"P" and head[1:2] in b"123456fy" and head[2:3].isspace():
        return "ppm"
    if head[0] == 10 and head[1] in (0, 2, 3, 5) and head[2] == 1 and head[3] in (1, 2, 4, 8):
        return "pcx"
    return "tga" if _looks_like_targa(head) else None


def _looks_like_targa(head: bytes) -> bool:
    if len(head) < 18:
        return False
    width, height = int.from_bytes(head[12:14], "little"), int.from_bytes(head[14:16], "little")
    depth_fits = {1: (8,), 9: (8,), 2: (16, 24, 32), 10: (16, 24, 32), 3: (1, 8, 16), 11: (8, 16)}
    mapped = head[2] in (1, 9)
    return (
        head[16] in depth_fits.get(head[2], ())
        and head[1] == int(mapped)
        and (head[7] in (15, 16, 24, 32) if mapped else head[3:8] == bytes(5))
        and width > 0
        and height > 0
        and head[17] & 0xC0 == 0
    )


def describe(data: bytes) -> str:
    """Say what bytes that are no image seem to be, as the reason of an error."""
    if not data:
        return "the file is empty"
    head = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n")
    for magic, what in _NOT_IMAGES:
        if head.startswith(magic):
            return f"the content is {what}"
    if data[4:8] == b"ftyp" or (data[:4] == b"RIFF" and data[8:11] == b"AVI"):
        return "the content is a film; take a frame of it"
    return "the content is no image format known here"


def is_candidate(path: str | os.PathLike[str]) -> bool:
    """Tell by its suffix alone whether a file is worth opening as an image.

    Examples
    --------
    >>> is_candidate("holiday/IMG_0001.CR2"), is_candidate("notes.txt")
    (True, False)
    """
    return PurePath(path).suffix.lower() in SUFFIXES
