"""One decoder per format, opened on the header alone, with no other format tried."""

from __future__ import annotations

import importlib
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFile, JpegImagePlugin

from hybrid_search.errors import ImageUnreadable
from hybrid_search.errors.remedies import ANOTHER_PACKAGE
from hybrid_search.images.jxl import jxl_size
from hybrid_search.images.limits import Limits
from hybrid_search.images.orientation import orientation_in
from hybrid_search.images.stripped import StrippedFile, plain
from hybrid_search.images.truncated import CutFile

_DECODERS = {
    "avif": "PIL.AvifImagePlugin:AvifImageFile",
    "bmp": "PIL.BmpImagePlugin:BmpImageFile",
    "cur": "PIL.CurImagePlugin:CurImageFile",
    "dds": "PIL.DdsImagePlugin:DdsImageFile",
    "gif": "PIL.GifImagePlugin:GifImageFile",
    "heif": "pillow_heif:HeifImageFile",
    "icns": "PIL.IcnsImagePlugin:IcnsImageFile",
    "ico": "PIL.IcoImagePlugin:IcoImageFile",
    "jp2": "PIL.Jpeg2KImagePlugin:Jpeg2KImageFile",
    "jpeg": "hybrid_search.images.truncated:JpegFile",
    "jxl": "pillow_jxl.JpegXLImagePlugin:JXLImageFile",
    "pcx": "PIL.PcxImagePlugin:PcxImageFile",
    "png": "hybrid_search.images.truncated:PngFile",
    "ppm": "PIL.PpmImagePlugin:PpmImageFile",
    "psd": "PIL.PsdImagePlugin:PsdImageFile",
    "qoi": "PIL.QoiImagePlugin:QoiImageFile",
    "sgi": "PIL.SgiImagePlugin:SgiImageFile",
    "sun": "PIL.SunImagePlugin:SunImageFile",
    "tga": "PIL.TgaImagePlugin:TgaImageFile",
    "tiff": "hybrid_search.images.tiff_file:TiffFile",
    "webp": "PIL.WebPImagePlugin:WebPImageFile",
}
"""Format by content → the class that decodes it. PostScript is left out: decoding it runs a program."""

_INSTALL = {
    "heif": "pip install pillow-heif",
    "jxl": "pip install 'hybrid-search[jxl]'",
}
_COMPRESSION, _WEBP = 259, 50001  # the TIFF tag, and its value for WebP
_MAX_SLOW_PIXELS = 64_000_000  # a minute of decoders in Python, see `_check_slow`
_MAX_SPELLED_PIXELS = 16_000_000  # of pixels written as decimal numbers; no measurement is kept
_MAX_SCANNED_PIXELS = 5_000_000_000  # pixels times scans; no measurement is kept


@dataclass(frozen=True)
class OpenImage:
    """An image with its header read, and what turns it.

    Parameters
    ----------
    header : ImageFile
        Its pixels are not yet decoded, except those of JPEG XL.
    plain : StrippedFile
        What the decoder was given.
    """

    header: ImageFile.ImageFile
    plain: StrippedFile

    @property
    def orientation(self) -> int | None:
        """The EXIF orientation, None when there is none or it cannot be read."""
        if self.header.format == "JXL" and not getattr(self.header, "jpeg", False):
            # libjxl has turned the pixels by the codestream's own orientation, which overrides EXIF.
            return None
        info = self.header.info
        found = getattr(self.header, "orientation", None)
        if found is None:
            exif = info.get("exif") if self.plain.exif is None else self.plain.exif
            xmp = info.get("xmp") if self.plain.xmp is None else self.plain.xmp
            found = orientation_in(exif or b"", xmp if isinstance(xmp, bytes) else b"")
        return found if isinstance(found, int) else None


def open_header(name: str, data: bytes, format: str, limits: Limits) -> OpenImage:
    """Return the image with its header read and its pixels not yet decoded (JPEG XL is decoded at once).

    Parameters
    ----------
    name : str
        What errors call the image.
    data : bytes
        The whole encoded image.
    format : str
        As `sniff` says.
    limits : Limits
        Pixels allowed; checked here only for what decodes at once.

    Raises
    ------
    ImageUnreadable
        When the format needs a package that is not installed, or is of a kind that would take too long.
    TooManyParts
        When the file is cut into more parts than are read.
    ImageTooLarge
        When a JPEG XL image has more pixels than allowed.
    """
    if format == "jxl":
        limits.check_pixels(name, *jxl_size(data))
    module, _, decoder = _DECODERS[format].partition(":")
    try:
        kind: type[ImageFile.ImageFile] = getattr(importlib.import_module(module), decoder)
    except ImportError as error:
        install = _INSTALL.get(format, "pip install -U pillow")
        raise ImageUnreadable(name, f"{format.upper()} {ANOTHER_PACKAGE}{install}") from error
    needed = plain(name, data, format)
    # Given a name, Pillow would map the file of that name, which may be another one by now.
    header = kind(io.BytesIO(needed.data), "")
    if isinstance(header, CutFile):
        header.cut = needed.cut
    if needed.profile is not None:
        header.info["icc_profile"] = needed.profile
    if format == "jpeg":
        _check_scans(name, needed.data, header)
    if format == "tiff" and getattr(header, "tag_v2", {}).get(_COMPRESSION) == _WEBP:
        raise ImageUnreadable(name, "it is a TIFF compressed as WebP, which libtiff cannot unpack; convert it to PNG")
    _check_slow(name, needed.data, header)
    return OpenImage(header, needed)


def _check_scans(name: str, data: bytes, header: ImageFile.ImageFile) -> None:
    """Refuse a progressive JPEG that a few hundred bytes of empty scans would make decode for hours.

    Real files have about ten scans. See libjpeg-turbo's doc/libjpeg.txt and its `djpeg -maxscans`.
    """
    scans = _scans(data)
    if scans > 20 and scans * header.width * header.height > _MAX_SCANNED_PIXELS:
        raise ImageUnreadable(
            name, f"{scans} scans over {header.width} × {header.height} pixels would decode for hours"
        )


def _scans(data: bytes) -> int:
    """Return how often bytes have FF DA, in a fifth of the time of bytes.count, a twelfth of that of decoding."""
    pairs = (np.frombuffer(data, "<u2", (len(data) - start) // 2, start) for start in (0, 1) if len(data) > start + 1)
    return sum(int(np.count_nonzero(each == 0xDAFF)) for each in pairs)


def _check_slow(name: str, data: bytes, header: ImageFile.ImageFile) -> None:
    """Refuse what Pillow decodes in Python, about a megapixel a second, when it would take more than a minute.

    Old DDS decoders also count on where the file has ended, so that a forged header of 128 bytes takes as long.
    """
    codec, *_, arguments = header.tile[0] if header.tile else ("", None)
    if codec not in Image.DECODERS:
        return
    pixels = header.width * header.height
    if pixels > (_MAX_SPELLED_PIXELS if codec == "ppm_plain" else _MAX_SLOW_PIXELS):
        raise ImageUnreadable(name, f"{pixels:,} pixels of this kind would decode for minutes; convert it to PNG")
    if codec == "dds_rgb" and isinstance(arguments, tuple) and pixels * arguments[0] > 8 * len(data):
        raise ImageUnreadable(name, "the data are damaged (not enough image data)")


def shrink(header: ImageFile.ImageFile, min_side: int) -> bool:
    """Let the decoder leave out detail, the shorter side staying at least `min_side`; tell whether it will."""
    if isinstance(header, JpegImagePlugin.JpegImageFile):
        return header.draft(None, (min_side, min_side)) is not None
    if header.format == "JPEG2000":
        wanted = min((min(header.size) // min_side).bit_length() - 1, _resolutions(header))
        halvings = next((count for count in range(wanted, 0, -1) if _rounds_alike(header.size, 1 << count)), 0)
        if halvings:
            header.reduce = halvings  # type: ignore[method-assign, assignment]
            return True
    return False


def _rounds_alike(size: tuple[int, int], factor: int) -> bool:
    """Tell whether Pillow, which rounds to the nearest, expects the size that OpenJPEG, which rounds up, delivers."""
    return all((side + factor // 2) // factor == -(-side // factor) for side in size)


def _resolutions(header: ImageFile.ImageFile) -> int:
    """Return how often a JPEG 2000 image can be halved, from the COD segment (ITU-T T.800, A.6.1); 0 when unsure."""
    file = header.fp
    if not isinstance(file, io.BytesIO):
        return 0
    data = file.getbuffer()
    at = bytes(data[:65536]).find(b"\xff\x4f\xff\x51") + 2
    while 2 <= at <= len(data) - 10 and data[at] == 0xFF and data[at + 1] not in (0x90, 0xD9):
        if data[at + 1] == 0x52:
            return int(data[at + 9])
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0
