"""Camera RAW files are told from TIFF and shown through their embedded preview."""

from __future__ import annotations

import io
import struct
import sys
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hybrid_search.errors import ImageTooLarge, ImageUnreadable
from hybrid_search.images import Limits, decode, load_image, read_source, sniff

Tags = list[tuple[int, str, Any]]
_KINDS = {"B": 1, "H": 3, "I": 4}


def directory(at: int, tags: Tags, order: str = "<") -> bytes:
    """Return a TIFF directory that lies at `at`, the values that do not fit into its entries behind it."""
    base = at + 6 + 12 * len(tags)
    entries, values = b"", b""
    for tag, kind, value in tags:
        raw = value if kind == "s" else struct.pack(f"{order}{len(value)}{kind}", *value)
        place = raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack(order + "I", base + len(values))
        values += raw + bytes(len(raw) % 2) if len(raw) > 4 else b""
        entries += struct.pack(order + "HHI", tag, _KINDS.get(kind, 2), len(value)) + place
    return struct.pack(order + "H", len(tags)) + entries + bytes(4) + values


def preview(*, jpeg: bool) -> bytes:
    image = Image.new("RGB", (320, 240), (200, 0, 0))
    image.paste((0, 0, 200), (0, 0, 160, 240))
    if not jpeg:
        return image.tobytes()
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    return buffer.getvalue() + bytes(len(buffer.getvalue()) % 2)


def dng(orientation: int, *, jpeg: bool = True) -> bytes:
    """Return a DNG of 640 × 480 sensor values with a preview of 320 × 240, blue on the left and red on the right."""
    shown, sensor = preview(jpeg=jpeg), np.full((480, 640), 1000, dtype="<u2").tobytes()
    at = 8 + len(shown) + len(sensor)
    children = at + 1000
    main: Tags = [
        (254, "I", [1]), (256, "I", [320]), (257, "I", [240]), (258, "H", [8, 8, 8]),
        (259, "H", [7 if jpeg else 1]), (262, "H", [6 if jpeg else 2]),
        (271, "s", b"Acme\0"), (272, "s", b"One\0"), (273, "I", [8]), (274, "H", [orientation]), (277, "H", [3]),
        (278, "I", [240]), (279, "I", [len(shown)]), (330, "I", [children]), (50706, "B", [1, 4, 0, 0]),
        (50708, "s", b"Acme One\0"),
    ]  # fmt: skip
    child: Tags = [
        (254, "I", [0]), (256, "I", [640]), (257, "I", [480]), (258, "H", [16]), (259, "H", [1]), (262, "H", [32803]),
        (273, "I", [8 + len(shown)]), (277, "H", [1]), (278, "I", [480]), (279, "I", [len(sensor)]),
        (33421, "H", [2, 2]), (33422, "B", [0, 1, 1, 2]), (50717, "I", [4095]),
    ]  # fmt: skip
    head = b"II*\0" + struct.pack("<I", at) + shown + sensor + directory(at, main)
    return head.ljust(children, b"\0") + directory(children, child)


def tiff(*directories: Tags, order: str = "<") -> bytes:
    """Return a TIFF whose first directory points to the others as sub-directories."""
    first = [*directories[0], (330, "I", [500 * (n + 1) for n in range(len(directories[1:]))])]
    data = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8) + directory(8, first, order)
    for number, tags in enumerate(directories[1:]):
        data = data.ljust(500 * (number + 1), b"\0") + directory(500 * (number + 1), tags, order)
    return data


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("make", "format"),
    [
        (b"NIKON CORPORATION\0", "nef"),
        (b"SONY\0", "arw"),
        (b"Pentax \0", "pef"),
        (b"Unheard of\0", "raw"),
        (b"me\0", "raw"),
    ],
)
def test_raw_is_told_from_tiff_by_sensor_data(make: bytes, format: str, order: str) -> None:
    named: Tags = [(254, "I", [1]), (262, "H", [2]), (271, "s", make)]
    assert sniff(tiff(named, [(262, "H", [32803])], order=order)) == format
    assert sniff(tiff(named, [(262, "H", [1])], [(262, "H", [34892])], order=order)) == format
    assert sniff(tiff(named, [(262, "H", [6])], order=order)) == "tiff"
    assert sniff(tiff([*named, (50706, "B", [1, 4, 0, 0])], order=order)) == "dng"


def test_directories_that_point_at_themselves_or_away_end() -> None:
    assert sniff(tiff([(262, "H", [2]), (330, "I", [8])])) == "tiff"
    assert sniff(tiff([(262, "H", [2]), (330, "I", [4_000_000_000])])) == "tiff"
    assert sniff(b"II*\0\xff\xff\xff\xff") == "tiff"
    assert sniff(b"II*\0\x08\0\0\0\xff\xff") == "tiff"


@pytest.mark.parametrize("jpeg", [True, False])
@pytest.mark.parametrize(
    ("orientation", "size", "first"),
    [(1, (320, 240), "blue"), (3, (320, 240), "red"), (6, (240, 320), "blue"), (8, (240, 320), "red")],
)
def test_the_preview_is_turned_as_the_raw_file_says(
    orientation: int, size: tuple[int, int], first: str, jpeg: bool
) -> None:
    pytest.importorskip("rawpy")
    decoded = decode(read_source(dng(orientation, jpeg=jpeg)))
    assert decoded.format == "dng"
    assert (decoded.width, decoded.height) == (2 * size[0], 2 * size[1])
    assert decoded.image.size == size
    red, _, blue = np.asarray(decoded.image)[4, 4]
    assert (blue > 150 and red < 50) == (first == "blue")
    assert (red > 150 and blue < 50) == (first == "red")


def test_a_draft_of_the_preview() -> None:
    pytest.importorskip("rawpy")
    decoded = decode(read_source(dng(1)), min_side=60)
    assert (decoded.image.size, decoded.width, decoded.height) == ((80, 60), 640, 480)


def test_limits_count_the_full_photo() -> None:
    pytest.importorskip("rawpy")
    with pytest.raises(ImageTooLarge) as error:
        load_image(dng(1), limits=Limits(max_pixels=640 * 480 - 1))
    assert error.value.pixels == 640 * 480


def test_damaged_raw_is_refused() -> None:
    pytest.importorskip("rawpy")
    for data in (b"FUJIFILMCCD-RAW 0201" + bytes(200), b"II*\0\x10\0\0\0CR\x02\0" + bytes(100)):
        with pytest.raises(ImageUnreadable, match="LibRaw"):
            load_image(data)


def test_without_rawpy_the_reason_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(ImageUnreadable, match=r"pip install 'hybrid-search\[raw\]'"):
        load_image(b"FUJIFILMCCD-RAW 0201" + bytes(200))
