"""The planned library as files: pixels, EXIF and XMP, as cameras and photo managers write them."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from scripts.pictures.library import Photo

_EXIF, _GPS = 0x8769, 0x8825
_PEOPLE = 'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" {people}>{properties}</rdf:Description>
</rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


def write_library(photos: Sequence[Photo], data: Path, cache: Path) -> Path:
    """Write a library below `cache`, under a name by its content, and return its folder; what is there already stays.

    The folder is called Photos, whose name is among no picture's words.
    """
    written = hashlib.sha256(Path(__file__).read_bytes() + repr(photos).encode()).hexdigest()[:16]
    folder = cache / f"library-{written}" / "Photos"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(dir=cache))
        for photo in photos:
            path = making / "Photos" / photo.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(photo_bytes(photo, data))
        try:
            making.rename(folder.parent)
        except OSError:
            # another process was first
            shutil.rmtree(making)
    return folder


def photo_bytes(photo: Photo, data: Path) -> bytes:
    """Return the file of a photo."""
    if photo.style == "raw":
        return _raw(photo, data)
    image = _drawn(photo) if photo.lines else _styled(photo, Image.open(data / photo.source))
    buffer = io.BytesIO()
    exif, xmp = _exif(photo), _xmp(photo)
    if photo.path.lower().endswith(".png"):
        image.save(buffer, "PNG", **({"exif": exif} if len(exif) else {}))
    else:
        # what was not changed is written as it was
        quality = {"quality": "keep"} if image.format == "JPEG" else {"quality": 90}
        image.save(buffer, "JPEG", **quality, exif=exif, **({"xmp": xmp} if xmp else {}))
    return buffer.getvalue()


# -- pixels ----------------------------------------------------------------------------------------------------------


def _styled(photo: Photo, image: Image.Image) -> Image.Image:
    if photo.style in ("panorama", "square"):
        return ImageOps.fit(image.convert("RGB"), photo.size)
    # a scanner writes grey as colour
    return ImageOps.grayscale(image).convert("RGB") if photo.style == "black and white" else image


def _drawn(photo: Photo) -> Image.Image:
    width, height = photo.size
    is_screen = photo.style == "screenshot"
    image = Image.new("RGB", photo.size, "#f2f2f7" if is_screen else "#fbfaf4")
    draw = ImageDraw.Draw(image)
    top = 40
    for number, line in enumerate(photo.lines):
        font = ImageFont.load_default(size=44 if number == 0 else 28)
        if is_screen and number:
            draw.rounded_rectangle((20, top - 14, width - 20, top + 50), 12, fill="white")
        draw.text((40, top), line, fill="#1c1c1e", font=font)
        top += 110 if is_screen else height // (len(photo.lines) + 1)
    return image


def _raw(photo: Photo, data: Path) -> bytes:
    """Return a DNG: the sensor behind a Bayer pattern, from a photo's pixels."""
    import tifffile

    width, height = photo.size
    with Image.open(data / photo.source) as image:
        pixels = np.asarray(image.convert("RGB").crop((0, 0, width, height)), np.float64)
    linear = ((pixels / 255) ** 2.2 * 65535).astype(np.uint16)
    sensor = np.empty((height, width), np.uint16)
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        sensor[row::2, column::2] = linear[row::2, column::2, channel]
    assert photo.camera and photo.lens and photo.taken and photo.iso and photo.f_number
    aperture = (round(photo.f_number * 10), 10)
    identity = tuple(number for row in np.eye(3, dtype=int) for each in row for number in (int(each), 1))
    tags = [
        *[(271, "s", 0, photo.camera.make, True), (272, "s", 0, photo.camera.model, True)],
        *[(33421, "H", 2, (2, 2), True), (33422, "B", 4, bytes([0, 1, 1, 2]), True)],
        *[(36867, "s", 0, f"{photo.taken:%Y:%m:%d %H:%M:%S}", True), (42036, "s", 0, photo.lens.name, True)],
        *[(33437, "2I", 1, aperture, True), (34855, "H", 1, photo.iso, True)],
        *[(50706, "B", 4, bytes([1, 4, 0, 0]), True), (50708, "s", 0, photo.camera.model, True)],
        (50721, "2i", 9, identity, True),
    ]
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, sensor, photometric="cfa", extratags=tags, metadata=None, software="")
    return buffer.getvalue()


# -- metadata --------------------------------------------------------------------------------------------------------


def _exif(photo: Photo) -> Image.Exif:
    exif = Image.Exif()
    exposure = exif.get_ifd(_EXIF)
    if photo.taken is not None:
        exposure[36867] = f"{photo.taken:%Y:%m:%d %H:%M:%S}"
    if photo.style == "screenshot" and photo.taken is not None:
        exposure[37510] = b"ASCII\0\0\0Screenshot"
    if photo.camera is not None and photo.lens is not None:
        exif[271], exif[272] = photo.camera.make, photo.camera.model
        exposure[33437], exposure[34855] = photo.f_number, photo.iso
        exposure[37386], exposure[37385] = photo.lens.focal_length, int(photo.flash)
        if photo.lens.name:
            exposure[42036] = photo.lens.name
    if photo.position is not None:
        latitude, longitude = photo.position
        gps = exif.get_ifd(_GPS)
        gps[1], gps[2] = "N" if latitude >= 0 else "S", _degrees(latitude)
        gps[3], gps[4] = "E" if longitude >= 0 else "W", _degrees(longitude)
    return exif


def _degrees(value: float) -> tuple[float, float, float]:
    minutes, seconds = divmod(round(abs(value) * 3600, 2), 60)
    degrees, minutes = divmod(minutes, 60)
    return degrees, minutes, round(seconds, 2)


def _xmp(photo: Photo) -> bytes:
    """Return keywords, people and caption as an XMP packet; empty where there are none."""
    parts = []
    if photo.tags:
        parts.append(f"<dc:subject><rdf:Bag>{_items(photo.tags)}</rdf:Bag></dc:subject>")
    if photo.people:
        people = f"<rdf:Bag>{_items(photo.people)}</rdf:Bag>"
        parts.append(f"<Iptc4xmpExt:PersonInImage>{people}</Iptc4xmpExt:PersonInImage>")
    if photo.caption:
        alternatives = f'<rdf:Alt><rdf:li xml:lang="x-default">{escape(photo.caption)}</rdf:li></rdf:Alt>'
        parts.append(f"<dc:description>{alternatives}</dc:description>")
    return _XMP.format(people=_PEOPLE, properties="".join(parts)).encode() if parts else b""


def _items(texts: Sequence[str]) -> str:
    return "".join(f"<rdf:li>{escape(text)}</rdf:li>" for text in texts)


def default_cache() -> Path:
    """Return where libraries and indexes of measurements are kept: below the folder for temporary files."""
    return Path(os.environ.get("HYBRID_SEARCH_BENCH_CACHE") or Path(tempfile.gettempdir()) / "hybrid-search-words")
