"""Every real and every hostile file either becomes an upright RGB image or is refused with a reason."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from hybrid_search.errors import ImageError, ImageTooLarge, ImageUnreadable
from hybrid_search.images import decode, is_candidate, load_image, read_source


def outcome(path: Path) -> str:
    """Return the format, or the name of the error; anything else fails the test."""
    try:
        decoded = decode(read_source(path))
    except ImageError as error:
        assert type(error) in (ImageUnreadable, ImageTooLarge)
        assert str(path) in str(error)
        assert "0x" not in str(error), "no addresses of objects in reasons"
        return type(error).__name__
    assert decoded.image.mode == "RGB"
    assert decoded.image.size == (decoded.width, decoded.height)
    assert decoded.image.info == {}
    draft = decode(read_source(path), min_side=64)
    assert (draft.width, draft.height, draft.format) == (decoded.width, decoded.height, decoded.format)
    assert min(draft.image.size) >= min(64, decoded.width, decoded.height)
    return decoded.format


def outcomes(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): outcome(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def test_every_format_is_decoded(data: Path) -> None:
    seen = outcomes(data / "formats")
    refused = {name for name, format in seen.items() if format.startswith("Image")}
    # Two damaged and one empty HEIF, a README, WebP inside TIFF (libtiff's option).
    assert refused <= {
        "heif/heif_corrupted/corrupted.heic",
        "heif/heif_corrupted/corrupted.hif",
        "heif/heif_corrupted/empty.heic",
        "heif/heif_other/nokia/README.txt",
        "pillow/hopper_webp.tif",
    }
    assert len(seen) - len(refused) >= 103
    found = Counter(seen.values())
    assert found.keys() >= {"jpeg", "png", "gif", "webp", "tiff", "bmp", "ppm", "avif", "heif", "psd", "ico"}


def test_every_photo_of_many_cameras_is_decoded(data: Path) -> None:
    seen = outcomes(data / "exif")
    assert [name for name, format in seen.items() if format.startswith("Image")] == ["dump"]


def test_no_hostile_file_gets_through_or_hangs_or_prints(data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = Counter(outcomes(data / "corrupt").values())
    assert sum(found.values()) == 349
    # What decoders newly accept or refuse moves these numbers a little; a broken one moves them a lot.
    assert 240 <= found["ImageUnreadable"] <= 300
    assert 2 <= found["ImageTooLarge"] <= 8
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["landscape", "portrait"])
def test_the_eight_orientations_of_one_photo_look_alike(data: Path, kind: str) -> None:
    paths = sorted((data / "exif").rglob(f"{kind}_[1-8].jpg"))
    assert len(paths) == 8
    pictures = [np.asarray(load_image(path).resize((32, 32))).astype(float) for path in paths]
    # The number of the orientation is written across the middle.
    margins = [np.concatenate([picture[:8], picture[-8:]]) for picture in pictures]
    assert max(np.abs(margin - margins[0]).mean() for margin in margins) < 4


def test_the_pictures_of_the_orientations_of_webp_and_jpeg_are_the_same(data: Path) -> None:
    folder = data / "formats" / "pillow"
    upright = np.asarray(load_image(folder / "hopper.jpg")).astype(float)
    for path in folder.glob("hopper_orientation_*.*"):
        assert np.abs(np.asarray(load_image(path)).astype(float) - upright).mean() < 8, path.name


def test_nearly_all_of_them_are_candidates_by_name(data: Path) -> None:
    files = [path for folder in ("formats", "exif") for path in (data / folder).rglob("*") if path.is_file()]
    assert {path.name for path in files if not is_candidate(path)} == {"README.txt", "dump"}
