"""Paths, bytes, file objects and pixels become sources; what cannot be had is refused with a reason."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

from hybrid_search.errors import ImageTooLarge, ImageUnreadable
from hybrid_search.images import Limits, Source, decode, load_image, place_of, read_source


@pytest.fixture
def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (3, 2), (10, 20, 30)).save(buffer, "PNG")
    return buffer.getvalue()


def refusal(image: Any, **options: Any) -> str:
    with pytest.raises(ImageUnreadable) as error:
        read_source(image, **options)
    return str(error.value.reason)


def test_a_path_may_be_a_string_or_a_path_and_its_suffix_is_not_believed(tmp_path: Path, png: bytes) -> None:
    path = tmp_path / "it is a.jpg"
    path.write_bytes(png)
    for image in (path, str(path)):
        source = read_source(image)
        assert (source.name, source.data, source.pixels) == (str(path), png, None)
        assert source.sha256 == hashlib.sha256(png).hexdigest()
    assert decode(source).format == "png"


def test_bytes_of_every_type(png: bytes) -> None:
    for image in (png, bytearray(png), memoryview(png)):
        assert read_source(image).data == png  # type: ignore[arg-type]


def test_file_objects_are_read_from_their_start(tmp_path: Path, png: bytes) -> None:
    buffer = io.BytesIO()
    buffer.write(png)
    assert read_source(buffer).data == png
    (tmp_path / "a.png.gz").write_bytes(gzip.compress(png))
    with gzip.open(tmp_path / "a.png.gz") as file:
        assert read_source(file).data == png  # type: ignore[arg-type]
    (tmp_path / "a.png").write_bytes(png)
    with open(tmp_path / "a.png", "rb") as opened:
        assert read_source(opened).name == str(tmp_path / "a.png")


class Drip(io.RawIOBase):
    """A file object that gives one byte at a time and cannot seek, as a socket."""

    def __init__(self, data: bytes) -> None:
        self._rest = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._rest.readinto(memoryview(buffer)[:1])


def test_short_reads_are_put_together(png: bytes) -> None:
    assert read_source(Drip(png)).data == png  # type: ignore[arg-type]


def test_file_objects_that_fail_are_refused(png: bytes) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise RuntimeError("no card in the reader")

    closed = io.BytesIO(png)
    closed.close()
    assert "no card" in refusal(Broken())
    assert "closed" in refusal(closed)
    assert "binary mode" in refusal(io.StringIO("text"))


def test_paths_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "page.jpg").write_bytes(b"<!DOCTYPE html>" + bytes(100))
    (tmp_path / "empty.jpg").touch()
    assert refusal(tmp_path / "absent.jpg") == "No such file or directory"
    assert "folder" in refusal(tmp_path)
    assert "empty" in refusal(tmp_path / "empty.jpg")
    assert "web page" in refusal(tmp_path / "page.jpg")
    assert "null" in refusal("a\0b")
    assert refusal("")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
def test_a_fifo_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert "regular file" in refusal(tmp_path / "pipe.jpg")


def test_other_types_and_schemes_are_refused() -> None:
    assert "path, URL" in refusal(7)
    assert "path, URL" in refusal(None)
    for url in ("ftp://example.org/a.jpg", "file:///etc/passwd", "gopher://x/"):
        assert "only http and https" in refusal(url)


def test_too_many_bytes_are_refused_wherever_they_come_from(tmp_path: Path, png: bytes) -> None:
    (tmp_path / "a.png").write_bytes(png)
    kinds: list[Callable[[], Any]] = [
        lambda: tmp_path / "a.png",
        lambda: png,
        lambda: io.BytesIO(png),
        lambda: Drip(png),
    ]
    for make in kinds:
        with pytest.raises(ImageTooLarge) as error:
            read_source(make(), limits=Limits(max_bytes=len(png) - 1))
        assert (error.value.unit, error.value.limit) == ("bytes", len(png) - 1)
        assert read_source(make(), limits=Limits(max_bytes=len(png))).data == png


def test_a_tilde_is_the_home_folder_unless_a_file_is_called_so(
    tmp_path: Path, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(png)
    assert read_source("~/a.png").data == read_source(Path("~/a.png")).data == png
    assert place_of("~/a.png") == str(tmp_path / "a.png")
    (tmp_path / "~").mkdir()
    (tmp_path / "~" / "a.png").write_bytes(png + b"!")
    assert read_source("~/a.png").data == png + b"!"
    assert place_of("~/a.png") == str(tmp_path / "~" / "a.png")


def test_where_an_image_lies(tmp_path: Path, png: bytes) -> None:
    (tmp_path / "a.png").write_bytes(png)
    assert place_of(tmp_path / "x" / ".." / "a.png") == ""
    assert place_of(tmp_path / "." / "a.png") == str(tmp_path / "a.png")
    assert place_of("https://user:secret@example.org/a%20b.png?size=2") == "https://example.org/a%20b.png?size=2"
    for nowhere in (png, io.BytesIO(png), Image.new("L", (1, 1)), str(tmp_path), "absent.png", "data:image/png,"):
        assert place_of(nowhere) == ""
    with pytest.raises(ImageUnreadable, match="no valid URL"):
        place_of("http://[x/a.png")
    assert "no valid URL" in refusal("http://[x/a.png")


def test_data_uris(tmp_path: Path, png: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = base64.b64encode(png).decode()
    for uri in (
        f"data:image/png;base64,{packed}",
        f"DATA:Image/JPEG;charset=x;BASE64,{packed}",
        f"data:image/png;base64,{packed.rstrip('=')}",
        f"data:image/png;base64,{quote(packed)}",
        f"data:image/png;base64,{packed[:40]}\n {packed[40:]}",
    ):
        assert read_source(uri).data == png
    assert "only data:image" in refusal(f"data:text/html;base64,{packed}")
    assert "only data:image" in refusal("data:image/svg+xml,<svg/>")
    assert "only data:image" in refusal("data:image/png;base64")
    assert "base64 is damaged" in refusal("data:image/png;base64,a!b")
    assert "base64 is damaged" in refusal("data:image/png;base64,ü")
    assert "web page" in refusal("data:image/png;base64," + base64.b64encode(b"<!DOCTYPE html>").decode())
    with pytest.raises(ImageTooLarge):
        read_source(f"data:image/png;base64,{packed}", limits=Limits(max_bytes=len(png) - 1))
    with pytest.raises(ImageUnreadable) as caught:
        read_source("data:image/png;base64," + "A" * 10_000)
    assert len(str(caught.value)) < 200
    monkeypatch.chdir(tmp_path)
    Path("data:a.png").write_bytes(png + b"!")
    assert read_source("data:a.png").data == png + b"!"


def test_pixels_are_identified_by_mode_size_and_content() -> None:
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3)
    same, again, turned = read_source(grey), read_source(Image.fromarray(grey)), read_source(grey.reshape(3, 2))
    assert same.sha256 == again.sha256 == hashlib.sha256(b"L 3x2 " + grey.tobytes()).hexdigest()
    assert turned.sha256 != same.sha256
    assert same.data is None


def test_a_pil_image_whose_file_is_damaged_is_refused(png: bytes) -> None:
    damaged = Image.open(io.BytesIO(png[:50]))
    assert "cannot be loaded" in refusal(damaged)
    with pytest.raises(ImageTooLarge):
        read_source(Image.new("L", (10, 10)), limits=Limits(max_pixels=99))
    assert "no pixels" in refusal(Image.new("RGB", (0, 5)))


def test_a_source_without_anything_is_refused() -> None:
    for use in (decode, lambda source: source.sha256):
        with pytest.raises(ImageUnreadable):
            use(Source("nothing"))


def test_the_callers_image_is_left_as_it_is() -> None:
    image = Image.new("RGB", (2, 2), "red")
    image.info["icc_profile"] = b"junk"
    loaded = load_image(image)
    loaded.putpixel((0, 0), (0, 0, 0))
    assert image.getpixel((0, 0)) == (255, 0, 0)
    assert image.info == {"icc_profile": b"junk"}
    assert loaded.info == {}
