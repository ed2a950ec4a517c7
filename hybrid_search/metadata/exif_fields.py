"""Typed fields from EXIF tags: camera, lens, moment, exposure and what was written about the picture."""

from __future__ import annotations

from collections.abc import Mapping

from hybrid_search.metadata.exif import ExifTags
from hybrid_search.metadata.fields import Gate
from hybrid_search.metadata.gps import put_location
from hybrid_search.metadata.prompts import read_prompt
from hybrid_search.metadata.values import (
    clean_text,
    decode_text,
    first_number,
    is_default_caption,
    parse_date,
    parse_offset,
    shown,
    stars,
    wide_text,
)

PROGRAMS = {
    1: "manual",
    2: "program",
    3: "aperture priority",
    4: "shutter priority",
    5: "creative",
    6: "action",
    7: "portrait",
    8: "landscape",
    9: "bulb",
}
METERINGS = {
    1: "average",
    2: "center-weighted average",
    3: "spot",
    4: "multi-spot",
    5: "pattern",
    6: "partial",
    255: "other",
}
WHITE_BALANCES = {0: "auto", 1: "manual"}


def put_exif(exif: ExifTags, gate: Gate) -> str:
    """Fill a gate with all fields that EXIF tags give.

    Parameters
    ----------
    exif : ExifTags
        Tags of one file.
    gate : Gate
        Receives fields and warnings.

    Returns
    -------
    str
        The tag that the moment is of, such as "DateTimeOriginal"; "" where there is none.
    """
    for warning in exif.warnings:
        gate.warn(warning)
    _put_camera(exif, gate)
    tag = _put_moment(exif, gate)
    _put_exposure(exif, gate)
    _put_texts(exif, gate)
    put_location(exif, gate)
    return tag


def _put_camera(exif: ExifTags, gate: Gate) -> None:
    if not _graphs(exif):
        gate.put("camera.make", exif.text("Image Make"))
        gate.put("camera.model", exif.text("Image Model"))
    gate.put("camera.serial", _serial(exif))
    gate.put("lens", _lens(exif))
    gate.put("software", exif.text("Image Software"))


def _serial(exif: ExifTags) -> str:
    text = exif.text("EXIF BodySerialNumber", "Image BodySerialNumber", "Image Tag 0xC62F", "MakerNote SerialNumber")
    number = exif.values("MakerNote SerialNumber")
    if not text and isinstance(number, list) and len(number) == 1 and number[0]:
        # Canon keeps the number that stands on the camera as an integer
        text = f"{number[0]:010d}"
    return text.removeprefix("NO=").strip()


def _lens(exif: ExifTags) -> str:
    by_number = exif.text("MakerNote LensType")
    return (
        exif.text("EXIF LensModel", "Image LensModel", "MakerNote LensModel")
        # Canon numbers its lenses; ExifRead knows most names, and "n/a" or "Unknown" for the others
        or (by_number if "mm" in by_number else "")
        or _lens_of_specification(exif)
    )


def _lens_of_specification(exif: ExifTags) -> str:
    """Describe a lens by its shortest and longest focal length (mm) and widest apertures: "24-70mm f/2.8"."""
    found = exif.values("EXIF LensSpecification", "MakerNote LensMinMaxFocalMaxAperture")
    numbers = [first_number(value) for value in found] if isinstance(found, list) else []
    if len(numbers) != 4 or not numbers[0] or not numbers[1]:
        return ""
    short, long, wide, narrow = (round(number, 1) if number else 0 for number in numbers)
    focal = f"{short:g}mm" if short == long else f"{short:g}-{long:g}mm"
    if not wide:
        return focal
    return f"{focal} f/{wide:g}" if narrow in (0, wide) else f"{focal} f/{wide:g}-{narrow:g}"


_MOMENTS = (
    ("EXIF DateTimeOriginal", "EXIF SubSecTimeOriginal", "EXIF OffsetTimeOriginal"),
    ("Image DateTimeOriginal", "Image SubSecTimeOriginal", "Image OffsetTimeOriginal"),
    ("EXIF DateTimeDigitized", "EXIF SubSecTimeDigitized", "EXIF OffsetTimeDigitized"),
    ("Image DateTime", "EXIF SubSecTime", "EXIF OffsetTime"),
)


def _put_moment(exif: ExifTags, gate: Gate) -> str:
    for name, subseconds, offset in _MOMENTS:
        text = exif.text(name)
        if not text or set(text) <= set(" :"):
            # the standard's way to say that the moment is unknown
            continue
        # many cameras write only one of the three offsets
        zone = exif.text(offset, "EXIF OffsetTime")
        try:
            taken_at = parse_date(text, subseconds=exif.text(subseconds), offset=zone)
        except ValueError as error:
            gate.warn(f"{name.partition(' ')[2]} {shown(text)} {error}")
            continue
        gate.put("taken_at", taken_at)
        if zone and parse_offset(zone) is None:
            gate.warn(f"OffsetTime {shown(zone)} is not an offset from UTC")
        return name.partition(" ")[2]
    return ""


def _put_exposure(exif: ExifTags, gate: Gate) -> None:
    numbers = {
        "exposure_time": "ExposureTime",
        "f_number": "FNumber",
        "focal_length": "FocalLength",
        "focal_length_35mm": "FocalLengthIn35mmFilm",
        "exposure_bias": "ExposureBiasValue",
    }
    for name, tag in numbers.items():
        found = exif.values(f"EXIF {tag}", f"Image {tag}")
        if name == "focal_length_35mm" and first_number(found) == 0:
            # the standard's way to say that it is unknown
            continue
        _put_number(gate, name, found, source=tag)
    _put_number(gate, "iso", _iso(exif), source="ISOSpeedRatings")
    for name, tag, words in (
        ("exposure_program", "ExposureProgram", PROGRAMS),
        ("metering", "MeteringMode", METERINGS),
        ("white_balance", "WhiteBalance", WHITE_BALANCES),
    ):
        _put_word(gate, name, exif.values(f"EXIF {tag}", f"Image {tag}"), words=words, source=tag)
    flash = exif.values("EXIF Flash", "Image Flash")
    if isinstance(flash, list) and flash and isinstance(flash[0], int) and 0 <= flash[0] < 256:
        # bit 0 says whether it fired, the others how
        gate.put("flash", bool(flash[0] & 1))
    elif flash:
        gate.warn(f"Flash {shown(flash)} is not a flash state")


def _put_number(gate: Gate, name: str, found: object, *, source: str) -> None:
    if isinstance(found, list) and not found:
        return
    one = found[0] if isinstance(found, list) else found
    numerator, denominator = getattr(one, "num", None), getattr(one, "den", None)
    said = f"{numerator}/{denominator}" if denominator == 0 else str(one)
    gate.put(name, first_number(one) if first_number(one) is not None else one, source=source, found=said)


def _iso(exif: ExifTags) -> object:
    found = exif.values("EXIF ISOSpeedRatings", "Image ISOSpeedRatings", "EXIF PhotographicSensitivity")
    values = found if isinstance(found, list) else [found]
    if values[:1] in ([65535], [None]):
        # sixteen bits cannot hold more: EXIF 2.3 then keeps the number in another tag
        return exif.values("EXIF ISOSpeed", "EXIF RecommendedExposureIndex") or found
    # some cameras write [0, 400]
    return next((value for value in values if value), values[0] if values else None)


def _put_word(gate: Gate, name: str, found: object, *, words: Mapping[int, str], source: str) -> None:
    if not isinstance(found, list) or not found:
        return
    if found[0] in words:
        gate.put(name, words[found[0]])
    elif found[0] != 0:
        gate.warn(f"{source} {shown(found[0])} has no meaning")


def _put_texts(exif: ExifTags, gate: Gate) -> None:
    gate.put("title", wide_text(exif.values("Image XPTitle")) or wide_text(exif.values("Image XPSubject")))
    comment = user_comment(exif.blobs.get("comment", b""), big_endian=exif.big_endian)
    described = exif.text("Image ImageDescription")
    gate.put_first("prompt", *filter(None, map(read_prompt, (comment, described, *_graphs(exif)))))
    candidates = (
        *(read_prompt(text) or text for text in (described, wide_text(exif.values("Image XPComment")), comment)),
        gate.fields.get("prompt", ""),
    )
    camera = {str(gate.fields.get(name, "")).casefold() for name in ("camera.make", "camera.model")}
    texts = map(str, candidates)
    written = (text for text in texts if text.casefold() not in camera and not is_default_caption(text))
    gate.put("caption", next(written, ""))
    gate.put("artist", exif.text("Image Artist") or wide_text(exif.values("Image XPAuthor")))
    gate.put("copyright", exif.text("Image Copyright"))
    gate.put("tags", wide_text(exif.values("Image XPKeywords")))
    rating = exif.values("Image Rating")
    _put_number(gate, "rating", rating, source="Rating")
    percent = exif.values("Image RatingPercent", "Image Tag 0x4749")
    if not rating and percent:
        rating = stars(percent)
        gate.put("rating", percent if rating is None else rating, source="RatingPercent")


def _graphs(exif: ExifTags) -> list[str]:
    """Return the graphs that ComfyUI writes into WebP, in the place of the camera's maker and model."""
    values = [str(exif.values(name) or "") for name in ("Image Model", "Image Make")]
    return [value.partition(":")[2] for value in values if value.startswith(("prompt:", "workflow:"))]


def user_comment(data: bytes, *, big_endian: bool) -> str:
    """Decode a user comment: eight bytes that name the character code, then the text.

    Parameters
    ----------
    data : bytes
        The whole value.
    big_endian : bool
        Byte order of the EXIF block; used unless the text itself shows another.
    """
    code, body = data[:8].rstrip(b"\x00 ").upper(), data[8:]
    if code == b"UNICODE":
        text = _utf16(body, big_endian=big_endian)
    elif code == b"JIS":
        text = body.decode("iso2022_jp", "ignore")
    elif code in (b"ASCII", b""):
        text = decode_text(body.split(b"\x00", 1)[0] if code else body.strip(b"\x00 "))
    else:
        text = decode_text(data.split(b"\x00", 1)[0])
    text = clean_text(text)
    controls = sum(1 for byte in body[:200] if byte < 9) if code == b"" else 0
    return "" if controls > 20 else text


def _utf16(body: bytes, *, big_endian: bool) -> str:
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return body.decode("utf-16", "ignore").rstrip("\x00")
    even, odd = body[:200:2].count(0), body[1:200:2].count(0)
    if even == odd == 0 and body.isascii():
        # programs that write plain text under this code
        return body.decode("ascii")
    if even != odd:
        # writers disagree on the byte order; Latin text shows it by its zeros
        big_endian = even > odd
    return body.decode("utf-16-be" if big_endian else "utf-16-le", "ignore").split("\x00", 1)[0]
