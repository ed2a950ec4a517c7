"""Words and dates outside EXIF, IPTC and XMP: comments, PNG's keywords, prompts of image generators."""

from __future__ import annotations

import io
import json
import struct
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from hybrid_search.images import sniff
from hybrid_search.images.parts import gif_extensions, gif_text
from hybrid_search.metadata import read_metadata
from hybrid_search.metadata.prompts import MAX_PROMPT, read_prompt

PICTURE = Image.radial_gradient("L")


def saved(format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    PICTURE.save(out, format, **options)
    return out.getvalue()


def fields(data: bytes) -> dict[str, Any]:
    read = read_metadata(data, format=sniff(data) or "")
    assert read.warnings == ()
    return dict(read.fields)


def png(**texts: str) -> dict[str, Any]:
    """Return what is read of a PNG with texts, however they are written; _ in a keyword is a blank."""
    found = []
    for zipped, international in ((False, False), (True, False), (False, True), (True, True)):
        info = PngImagePlugin.PngInfo()
        for name, text in texts.items():
            add = info.add_itxt if international else info.add_text
            add(name.replace("_", " "), text, zip=zipped)
        found.append(fields(saved("PNG", pnginfo=info)))
    assert found.count(found[0]) == 4
    return found[0]


# -- comments ----------------------------------------------------------------------------------------------------------


def test_a_comment_of_jpeg_or_gif_is_a_caption_where_nothing_else_is() -> None:
    for format in ("JPEG", "GIF"):
        assert fields(saved(format, comment=b"Walrus colony at low tide")) == {"caption": "Walrus colony at low tide"}
        assert fields(saved(format, comment="Zürich".encode("cp1252"))) == {"caption": "Zürich"}
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "NIKON", "E950"
    for note in (b"Nikon", b"E950"):
        assert "caption" not in fields(saved("JPEG", comment=note, exif=exif))
    exif = Image.Exif()
    exif[0x010E] = "Of the camera"
    assert fields(saved("JPEG", comment=b"Of the container", exif=exif)) == {"caption": "Of the camera"}


@pytest.mark.parametrize(
    "note",
    [
        "CREATOR: gd-jpeg v1.0 (using IJG JPEG v62), quality = 90\n",
        "LEAD Technologies Inc. V1.01",
        "File written by Adobe Photoshop\xa8 4.0",
        "AppleMark\n",
        "Lavc58.54.100",
        "Created with The GIMP",
        "Created with ezgif.com gif maker",
        "Optimized by JPEGmini 3.14.2.84235 0x5e7ecb3d",
        "Processed By eBay with ImageMagick, R1.0.0.M1",
        "Intel(R) JPEG Library, version [1.51.12.44]",
        "vid:v09044g40000c",
        "* * *",
        "0123456789abcdef0123",
    ],
)
def test_what_programs_write_by_themselves_is_no_caption(note: str) -> None:
    for format in ("JPEG", "GIF"):
        assert fields(saved(format, comment=note.encode("latin-1"))) == {}
    assert png(Comment=note) == png(Description=note) == {}


@pytest.mark.parametrize(
    "note", ["Made with love by Ada", "Created by my daughter", "Saved from the flood", "Paint it!"]
)
def test_what_people_write_is_one(note: str) -> None:
    assert fields(saved("JPEG", comment=note.encode())) == {"caption": note}
    assert png(Comment=note) == {"caption": note}


def test_a_comment_behind_the_frames_of_a_gif_and_xmp() -> None:
    frames = [PICTURE, PICTURE.rotate(90)]
    data = saved("GIF", save_all=True, append_images=frames[1:], duration=50)
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" dc:title="Tide"/></rdf:RDF></x:xmpmeta>'
    )
    # Adobe's trailer: bytes that lead a reader of sub-blocks to the end, wherever it enters
    trailer = b"\x01" + bytes(range(255, -1, -1)) + b"\x00"
    xmp = b"!\xff\x0bXMP DataXMP" + packet + trailer
    long = bytes(ord("a") + at % 26 for at in range(300))
    comment = b"!\xfe" + bytes([255]) + long[:255] + bytes([45]) + long[255:] + b"\x00"
    assert fields(data[:-1] + comment + xmp + b";") == {"title": "Tide", "caption": long.decode()}
    assert fields(data[:-1] + xmp + comment) == {"title": "Tide", "caption": long.decode()}
    kinds = [kind for kind, _, _ in gif_extensions(data[:-1] + comment + b";")]
    assert kinds.count(b"\xf9") == 2 and kinds[-1] == b"\xfe"


@given(st.binary())
def test_any_gif_is_walked(rest: bytes) -> None:
    for data in (rest, b"GIF89a" + rest, b"GIF89a" + bytes(7) + rest):
        for _, start, end in gif_extensions(data):
            assert 0 <= start and end <= len(data)
            gif_text(data[start:end])


def test_a_gif_of_a_million_blocks_is_left_in_time() -> None:
    data = b"GIF89a" + bytes(7) + b"!\xfe" + b"\x01z" * 2_000_000
    start = time.perf_counter()
    assert fields(data)["caption"].startswith("zzz")
    assert time.perf_counter() - start < 5


# -- PNG ---------------------------------------------------------------------------------------------------------------


def test_registered_keywords() -> None:
    found = png(
        Title="Garden", Author="Ada", Description="Roses", Copyright="CC0", Comment="of 1910", keywords="rose, red"
    )
    assert found == {
        "title": "Garden",
        "artist": "Ada",
        "caption": "Roses",
        "copyright": "CC0",
        "tags": ["rose", "red"],
    }
    assert png(Description="Created with GIMP", Comment="of 1910") == {"caption": "of 1910"}


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("2017:08:09 10:11:12", None),
        ("2017-08-09T10:11:12+02:00", "+02:00"),
        ("Wed, 09 Aug 2017 10:11:12 +0200", "+02:00"),
        ("9 Aug 2017 10:11:12 -0500", "-05:00"),
        ("Wed, 09 Aug 2017 10:11:12 GMT", "+00:00"),
        ("Wed, 09 Aug 2017 10:11:12 -0000", None),
        ("Wed Aug  9 10:11:12 2017", None),
    ],
)
def test_creation_time(text: str, offset: str | None) -> None:
    found = png(Creation_Time=text)
    assert (found["taken_at"], found.get("taken_offset")) == ("2017-08-09T10:11:12", offset)
    assert png(CreationTime=text) == png(**{"create-date": text}) == found


@pytest.mark.parametrize("text", ["yesterday", "Wed, 99 Aug 2017 10:11:12 +0200", "Wed, 09 Aug 1017 10:11:12 GMT"])
def test_an_odd_creation_time_is_a_warning(text: str) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Creation Time", text)
    read = read_metadata(saved("PNG", pnginfo=info), format="png")
    assert "taken_at" not in read.fields
    (warning,) = read.warnings
    assert warning.startswith("Creation Time ")


# -- prompts -----------------------------------------------------------------------------------------------------------

STORM = "lighthouse in a storm, oil painting"
SETTINGS = f"{STORM}\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, Seed: 1"


def run(sampler: str = "KSampler", **more: Any) -> str:
    """Return ComfyUI's graph as it runs."""
    return json.dumps(
        {
            "3": {"class_type": sampler, "inputs": {"seed": 1, "positive": ["6", 0], "negative": ["7", 0]}},
            "6": {"class_type": "CLIPTextEncode", "inputs": {"text": STORM, "clip": ["4", 1]}},
            "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry, watermark", "clip": ["4", 1]}},
            "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "model.safetensors"}},
            "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "ComfyUI"}},
            **more,
        }
    )


WORKFLOW = {
    "nodes": [
        {"id": 3, "type": "KSampler", "widgets_values": [1, "fixed"], "inputs": []},
        {"id": 6, "type": "CLIPTextEncode", "widgets_values": [STORM]},
        {"id": 7, "type": "CLIPTextEncode", "widgets_values": ["blurry"]},
        {"id": 8, "type": "CLIPTextEncode", "widgets_values": ["muted"], "mode": 2},
        {"id": 9, "type": "SaveImage", "widgets_values": ["ComfyUI"]},
    ],
    "links": [[1, 6, 0, 3, 1, "CONDITIONING"], [2, 7, 0, 3, 2, "CONDITIONING"]],
}
WORKFLOW["nodes"][0]["inputs"] = [{"name": "positive", "link": 1}, {"name": "negative", "link": 2}]
FLUX = {
    "1": {"class_type": "BasicGuider", "inputs": {"conditioning": ["2", 0]}},
    "2": {"class_type": "CLIPTextEncodeFlux", "inputs": {"clip_l": STORM, "t5xxl": STORM, "guidance": 3.5}},
}
# the text comes from a node of its own, through one that passes both sides on
FAR = run(
    **{
        "3": {"class_type": "KSampler", "inputs": {"positive": ["5", 0], "negative": ["5", 1]}},
        "5": {"class_type": "ControlNetApply", "inputs": {"positive": ["6", 0], "negative": ["7", 0]}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ["11", 0]}},
        "11": {"class_type": "PrimitiveStringMultiline", "inputs": {"value": STORM}},
    }
)


@pytest.mark.parametrize(
    "texts",
    [
        {"parameters": SETTINGS},
        {"parameters": STORM},
        {"parameters": f"{STORM}\nSteps: 20, Sampler: Euler a"},
        {"parameters": json.dumps({"prompt": STORM, "negative_prompt": "blurry"})},
        {"parameters": json.dumps({"sui_image_params": {"prompt": STORM, "negativeprompt": "blurry"}})},
        {"prompt": run(), "workflow": json.dumps(WORKFLOW)},
        {"prompt": run("KSamplerAdvanced")},
        {"prompt": FAR},
        {"prompt": json.dumps(FLUX)},
        {"workflow": json.dumps(WORKFLOW)},
        {"invokeai_metadata": json.dumps({"positive_prompt": STORM, "negative_prompt": "blurry"})},
        {"sd-metadata": json.dumps({"image": {"prompt": [{"prompt": STORM, "weight": 1}]}})},
        {"Dream": f'"{STORM}" -s50 -S1'},
        {"Comment": json.dumps({"prompt": STORM, "uc": "blurry"})},
        {"Description": SETTINGS},
    ],
    ids=lambda texts: next(iter(texts)),
)
def test_a_prompt_is_the_caption_where_nothing_else_is(texts: dict[str, str]) -> None:
    info = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        info.add_text(name, text)
    assert fields(saved("PNG", pnginfo=info)) == {"prompt": STORM, "caption": STORM}
    info.add_text("Description" if "Description" not in texts else "Comment", "for the calendar")
    assert fields(saved("PNG", pnginfo=info)) == {"prompt": STORM, "caption": "for the calendar"}


def test_a_prompt_in_a_large_graph_is_found() -> None:
    junk = {str(number): {"class_type": "LoadImage", "inputs": {"image": "x" * 1000}} for number in range(100, 2100)}
    assert len(run(**junk)) > 2 * 2**20
    assert png(prompt=run(**junk)) == {"prompt": STORM, "caption": STORM}
    larger = WORKFLOW["nodes"] + [{"id": 99, "type": "Note", "widgets_values": ["x" * MAX_PROMPT]}]
    assert png(workflow=json.dumps({**WORKFLOW, "nodes": larger})) == {}, "more than is read"


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF"])
def test_a_prompt_in_exif(format: str) -> None:
    exif = Image.Exif()
    # Pillow takes one without a tag of its own for empty
    exif[0x0128] = 2
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\x00" + SETTINGS.encode("utf-16-be")
    assert fields(saved(format, exif=exif)) == {"prompt": STORM, "caption": STORM}
    exif[0x010E] = "for the calendar"
    assert fields(saved(format, exif=exif)) == {"prompt": STORM, "caption": "for the calendar"}
    comfy = Image.Exif()
    comfy[0x0110], comfy[0x010F] = f"prompt:{run()}", f"workflow:{json.dumps(WORKFLOW)}"
    assert fields(saved(format, exif=comfy)) == {"prompt": STORM, "caption": STORM}


def test_what_people_write_is_no_prompt() -> None:
    for text in (
        "Steps: down to the beach",
        "a step, seed 1",
        "Negative prompt: none",
        "{not JSON",
        "[1, 2]",
        '{"a": 1}',
    ):
        assert read_prompt(text) == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["nodes", "links", "inputs", "class_type", "prompt", "image", "id", "type", "link", "1", "text"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_read(value: Any) -> None:
    texts = " ".join(_texts(value))
    assert all(word in texts for word in read_prompt(json.dumps(value)).split()), "no word that it does not have"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(part)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"prompt":' * 100_000, '{"a": 1' + "0" * 5000 + "}"])
def test_json_without_end(text: str) -> None:
    assert read_prompt(text) == ""


def test_a_graph_that_runs_in_a_circle() -> None:
    circle = {
        "1": {"class_type": "KSampler", "inputs": {"positive": ["2", 0], "negative": ["3", 0]}},
        "2": {"class_type": "TextConcat", "inputs": {"text": "sea", "other": ["2", 0], "from": ["1", 0]}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "fog", "from": ["3", 0]}},
    }
    assert read_prompt(json.dumps(circle)) == "sea"


def test_texts_together_are_bounded() -> None:
    chunk = b"tEXtprompt\x00" + b'{"prompt": "' + b"z" * 2**20
    many = b"".join(struct.pack(">I", len(chunk) - 4) + chunk + bytes(4) for _ in range(40))
    assert read_metadata(b"\x89PNG\r\n\x1a\n" + many, format="png").fields == {}
