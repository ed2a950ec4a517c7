"""Contact sheets: where pictures go, what stands in when one is gone, and captions in any script."""

from __future__ import annotations

import base64
import io
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageFont

from hybrid_search.cli.output import contact_sheet, fonts
from hybrid_search.hits.hits import Hit, Hits


def hit(rank: int, path: object = None, **source: Any) -> Hit:
    where = {} if path is None else {"path": [str(path)]}
    return Hit(rank, "a1", 0.0328, {"text": 12.3456, "vector": 0.5}, None, {**where, **source})


@pytest.fixture
def red(tmp_path: Path) -> Path:
    path = tmp_path / "red.png"
    Image.new("RGB", (640, 320), "#ff0000").save(path)
    return path


def foot(place: int, columns: int, heights: Sequence[int]) -> tuple[int, int]:
    """Return the middle of a tile's lower edge, from the heights of the rows' tallest pictures."""
    row = place // columns
    above = sum(height + 8 + 5 * contact_sheet.LINE + contact_sheet.GAP for height in heights[:row])
    left = contact_sheet.MARGIN + place % columns * (contact_sheet.TILE + contact_sheet.GAP)
    return left + contact_sheet.TILE // 2, contact_sheet.MARGIN + above + heights[row]


def test_pictures_stand_in_rows_of_columns(red: Path, tmp_path: Path) -> None:
    tall = tmp_path / "tall.png"
    Image.new("RGB", (300, 600), "#00ff00").save(tall)
    drawn = contact_sheet.draw_sheet([hit(rank, red) for rank in range(1, 7)] + [hit(7, tall), hit(8, red)], columns=3)
    assert drawn.width == 2 * contact_sheet.MARGIN + 3 * contact_sheet.TILE + 2 * contact_sheet.GAP
    heights = [120, 120, 240]
    assert (
        drawn.height
        == 2 * contact_sheet.MARGIN + sum(heights) + 3 * (8 + 5 * contact_sheet.LINE) + 2 * contact_sheet.GAP
    )
    for place in range(8):
        x, y = foot(place, 3, heights)
        colour = (0, 255, 0) if place == 6 else (255, 0, 0)
        assert drawn.getpixel((x, y - 2)) == colour, f"picture {place} stands on its row's line"
        assert drawn.getpixel((x, y + 2)) == (255, 255, 255)
    x, y = foot(7, 3, heights)
    assert drawn.getpixel((x, y - 121)) == (255, 255, 255), "a wide picture beside a tall one leaves paper above"
    assert drawn.getpixel((foot(8, 3, heights)[0], y - 2)) == (255, 255, 255), "there is no ninth picture"


def test_small_pictures_grow_at_most_to_twice_their_size(tmp_path: Path) -> None:
    for side, shown in ((16, 32), (150, 240), (900, 240)):
        Image.new("RGB", (side, side // 2)).save(tmp_path / "a.png")
        picture = contact_sheet.picture_of(hit(1, tmp_path / "a.png"), side=240)
        assert isinstance(picture, Image.Image)
        assert picture.size == (shown, shown // 2)


def test_a_hit_without_its_file_shows_the_stored_thumbnail(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (200, 200), "#0000ff").save(buffer, "PNG")
    uri = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    drawn = contact_sheet.draw_sheet([hit(1, tmp_path / "gone.jpg", thumbnail=uri)])
    x, y = foot(0, 1, [240])
    assert drawn.getpixel((x, y - 20)) == (0, 0, 255)


def test_thumbnails_of_a_search_are_fetched_when_a_file_is_gone(tmp_path: Path, red: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (200, 200), "#0000ff").save(buffer, "PNG")
    uri = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    asked: list[Sequence[str]] = []

    def fetch(ids: Sequence[str]) -> dict[str, str]:
        asked.append(ids)
        return dict.fromkeys(ids, uri)

    contact_sheet.draw_sheet(Hits((hit(1, red),), thumbnails=fetch))
    assert asked == [], "files that are there need none"
    drawn = contact_sheet.draw_sheet(Hits((hit(1, tmp_path / "gone.jpg"),), thumbnails=fetch))
    x, y = foot(0, 1, [240])
    assert (asked, drawn.getpixel((x, y - 20))) == ([["a1"]], (0, 0, 255))


@pytest.mark.parametrize("thumbnail", [None, "data:image/jpeg;base64,AAAA", "data:image/jpeg;base64,?", "nonsense"])
def test_a_hit_without_anything_to_show_is_grey_and_says_why(tmp_path: Path, thumbnail: str | None) -> None:
    gone = hit(1, tmp_path / "gone.jpg", thumbnail=thumbnail)
    reason = contact_sheet.picture_of(gone, side=240)
    assert isinstance(reason, str)
    assert reason
    drawn = contact_sheet.draw_sheet([gone])
    x, y = foot(0, 1, [160])
    tile = drawn.crop((x - 120, y - 160, x + 120, y))
    assert tile.getpixel((2, 2)) == (0xE4, 0xE7, 0xEB)
    assert len(tile.getcolors() or ()) > 1, "the reason is written on the tile"


def test_nothing_is_fetched_for_a_sheet(red: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hybrid_search.images.fetch.fetch", lambda *_, **__: red.read_bytes())
    assert contact_sheet.picture_of(hit(1, "https://example.org/red.png"), side=64) == "no file"


def test_a_damaged_file_does_not_stop_the_sheet(tmp_path: Path, red: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"\xff\xd8\xff not a picture")
    drawn = contact_sheet.draw_sheet([hit(1, bad), hit(2, red)])
    x, y = foot(1, 2, [160])
    assert drawn.getpixel((x, y - 2)) == (255, 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        "夜の港に停泊する船と灯台",
        "лодки в гавани",
        "قوارب في الميناء",
        "🚀👩‍🚀",
        "\ud800 lone",
        "a\nb\x00\x1b[31m",
        "x" * 900,
    ],
)
def test_captions_in_any_script_are_drawn(red: Path, text: str) -> None:
    blank = contact_sheet.draw_sheet([hit(1, red)])
    drawn = contact_sheet.draw_sheet([hit(1, red, caption=text)], title=None)
    assert drawn.size == blank.size
    assert drawn.tobytes() != blank.tobytes()


def test_the_suffix_chooses_the_format(tmp_path: Path, red: Path) -> None:
    for name, form in (("a.png", "PNG"), ("a.JPG", "JPEG"), ("a.webp", "WEBP")):
        contact_sheet.write_sheet([hit(1, red)], tmp_path / name, title="red  ·  iso:100")
        with Image.open(tmp_path / name) as written:
            assert written.format == form
    for name in ("a.txt", "a", "a.hdf5"):
        with pytest.raises(ValueError, match=r"name a \.png"):
            contact_sheet.write_sheet([hit(1, red)], tmp_path / name)
        assert not (tmp_path / name).exists()


def test_a_title_adds_a_line_and_nothing_found_is_said(red: Path) -> None:
    plain, titled = contact_sheet.draw_sheet([hit(1, red)]), contact_sheet.draw_sheet([hit(1, red)], title="boats")
    assert titled.height == plain.height + contact_sheet.LARGE + contact_sheet.GAP
    assert len(contact_sheet.draw_sheet([]).getcolors() or ()) > 1


def test_limits_are_errors(red: Path) -> None:
    with pytest.raises(ValueError, match="at most 500"):
        contact_sheet.draw_sheet([hit(1, red)] * 501)
    with pytest.raises(ValueError, match="at least one column"):
        contact_sheet.draw_sheet([hit(1, red)], columns=0)


def test_wrap_keeps_every_line_inside_and_marks_what_is_left_out() -> None:
    font = fonts.font_for("", 14)
    text = "Two people in bright clothes walk a small dog along the beach at low tide while gulls fly overhead"
    whole = fonts.wrap(text, font, 240, 9)
    assert " ".join(whole) == text
    two = fonts.wrap(text, font, 240, 2)
    assert len(two) == 2
    assert two[0] == whole[0]
    assert two[1].endswith("…")
    assert two[1][:-1] in text
    assert all(font.getlength(line) <= 240 for line in two)
    assert fonts.wrap("short", font, 240, 2) == ["short"]


def test_fit_cuts_at_the_last_character_that_fits() -> None:
    font = fonts.font_for("", 14)
    cut = fonts.fit("abcdefghijklmnopqrstuvwxyz", font, 100)
    longest = max(n for n in range(27) if font.getlength("abcdefghijklmnopqrstuvwxyz"[:n] + "…") <= 100)
    assert cut == "abcdefghijklmnopqrstuvwxyz"[:longest] + "…"


@pytest.mark.parametrize("text", ["Größe Äpfel", "é", "ñ ç å ø", "Łódź, Şişli", "Ελλάδα", "Москва", "Việt Nam", "5 €"])
def test_letters_are_drawn_on_a_machine_without_fonts(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(fonts, "_SYSTEM_FONTS", ())
    fonts._system.cache_clear()
    font = fonts.font_for(text, 14)
    box = fonts._drawn(font, "\uffff")
    assert all(fonts._drawn(font, letter) != box for letter in text if letter != " ")
    assert fonts.font_for(unicodedata.normalize("NFD", text), 14) is font
    fonts._system.cache_clear()


def test_what_no_font_has_whole_gets_the_one_that_has_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_SYSTEM_FONTS", ())
    fonts._system.cache_clear()
    assert fonts.font_for("Größe \U000f0000", 14) is fonts.font_for("Größe", 14)
    assert fonts.font_for("plain", 14) is fonts.font_for("", 14) is fonts._own(14)
    fonts._system.cache_clear()


def test_accents_apart_from_their_letters_are_drawn_on_them() -> None:
    font = fonts.font_for("Größe", 14)
    apart = unicodedata.normalize("NFD", "Größe")
    assert fonts.fit(apart, font, 200) == "Größe" and fonts.wrap(apart, font, 200, 2) == ["Größe"]


def test_other_scripts_use_a_font_that_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not fonts._held(fonts._shipped(14), "夜")
    other = ImageFont.load_default(15)
    monkeypatch.setattr(fonts, "_system", lambda size: (other,))
    monkeypatch.setattr(fonts, "_held", lambda font, characters: int(font is other))
    assert fonts.font_for("夜", 14) is other
