"""Real files of many cameras against the dump of tags, types and values that came with them.

The dump was written by an older ExifRead. Raw values are compared as text, typed fields with what this test computes
from the dump's text. Every disagreement has its reason in a table, and every count is exact.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from hybrid_search.images import sniff
from hybrid_search.metadata import Metadata, read_metadata

Dump = dict[str, dict[str, str]]
INVALID = [f"jpg/invalid/image{number:05}" for number in (971, 1088, 1137, 1551, 1713, 1980, 2206)]
PLAIN = ("EXIF", "GPS", "Image", "Interoperability")


@pytest.fixture(scope="module")
def files(data: Path) -> dict[str, Path]:
    """Return the pictures by path without suffix (the dump has other suffixes than some files)."""
    folder = data / "exif"
    return {
        path.relative_to(folder).with_suffix("").as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and path.name != "dump"
    }


@pytest.fixture(scope="module")
def dump(data: Path, files: dict[str, Path]) -> Dump:
    """Return tags and values of the files that are there, by path without suffix."""
    sections: Dump = {}
    tags: dict[str, str] = {}
    for line in (data / "exif" / "dump").read_text("utf-8", "replace").split("\n"):
        if line.startswith("Opening: "):
            name = Path(line.removeprefix("Opening: exif-samples-master/")).with_suffix("").as_posix()
            tags = sections.setdefault(name, {}) if name in files else {}
        elif match := re.match(
            r"((?:EXIF|GPS|Image|Interoperability|Thumbnail|MakerNote) [^()]*?) \([\w ()-]*?\): ?(.*)$", line
        ):
            tags[match[1]] = match[2]
    return sections


@pytest.fixture(scope="module")
def read(files: dict[str, Path]) -> dict[str, Metadata]:
    found = {}
    for name, path in files.items():
        data = path.read_bytes()
        found[name] = read_metadata(data, format=sniff(data) or "", name=path.name)
    return found


def key(tag: str) -> str:
    group, _, leaf = tag.partition(" ")
    return re.sub("[^A-Za-z0-9_]+", "_", leaf if group in PLAIN else f"{group}_{leaf}").strip("_")


def one_line(text: str) -> str:
    return " ".join(text.replace("\x00", " ").split())


def test_the_dump_covers_all_files_but_two(files: dict[str, Path], dump: Dump) -> None:
    assert len(files) == 98
    assert set(files) - set(dump) == {"heic/IMG_5195", "jpg/tests/32-lens_data"}


# How many files agree on each tag; where that is not every file that has it, "agree/have".
RAW = {
    "EXIF": """
        ApertureValue 29, BodySerialNumber 1, BrightnessValue 11, CVAPattern 1, CameraOwnerName 2, ColorSpace
        57, ComponentsConfiguration 50, CompressedBitsPerPixel 31, Contrast 18, CustomRendered 29,
        DateTimeDigitized 50, DateTimeOriginal 54, DigitalZoomRatio 29, ExifImageLength 71, ExifImageWidth 71,
        ExifVersion 53, ExposureBiasValue 51, ExposureIndex 3, ExposureMode 33, ExposureProgram 39, ExposureTime
        50, FNumber 53, FileSource 40, Flash 56, FlashPixVersion 51, FocalLength 53, FocalLengthIn35mmFilm 21,
        FocalPlaneResolutionUnit 15, FocalPlaneXResolution 15, FocalPlaneYResolution 15, GainControl 18,
        ISOSpeed 1, ISOSpeedRatings 41, ImageUniqueID 2, InteroperabilityOffset 42, LensMake 3, LensModel 4,
        LensSpecification 4, LightSource 30, MakerNote 0/41, MaxApertureValue 44, MeteringMode 52, OffsetSchema
        1, OffsetTime 2, OffsetTimeDigitized 2, OffsetTimeOriginal 2, RelatedSoundFile 3, Saturation 19,
        SceneCaptureType 32, SceneType 29, SensingMethod 23, SensitivityType 3, Sharpness 21, ShutterSpeedValue
        28, SubSecTime 4, SubSecTimeDigitized 5, SubSecTimeOriginal 5, SubjectArea 4, SubjectDistance 3,
        SubjectDistanceRange 15, Tag_0xA460 1, UserComment 27, WhiteBalance 36
    """,
    "GPS": """
        GPSAltitude 5, GPSAltitudeRef 13, GPSDOP 1, GPSDate 13, GPSDestBearing 2, GPSDestBearingRef 2,
        GPSDestLatitude 1, GPSDestLatitudeRef 1, GPSImgDirection 5, GPSImgDirectionRef 14, GPSLatitude 16,
        GPSLatitudeRef 16, GPSLongitude 16, GPSLongitudeRef 16, GPSMapDatum 9, GPSProcessingMethod 1,
        GPSSatellites 9, GPSSpeed 3, GPSSpeedRef 3, GPSTimeStamp 13, GPSVersionID 6
    """,
    "Image": """
        ApplicationNotes 0/1, Artist 5, BitsPerSample 7, Compression 7, Contrast 2, Copyright 15, CustomRendered
        3, DateTime 57, DigitalZoomRatio 2, ExifOffset 76, ExposureMode 3, ExtraSamples 6, FocalLengthIn35mmFilm
        1, GPSInfo 19/20, GainControl 1, Gamma 1, HostComputer 1, ImageDescription 27, ImageLength 7, ImageWidth
        7, InterColorProfile 0/3, Make 55, Model 55, Orientation 80, PhotometricInterpretation 7,
        PlanarConfiguration 7, Predictor 7, PrimaryChromaticities 1, PrintIM 0/6, ResolutionUnit 76,
        RowsPerStrip 7, SampleFormat 6, SamplesPerPixel 7, Saturation 2, SceneCaptureType 3, Sharpness 2,
        Software 47, StripByteCounts 7, StripOffsets 7, SubfileType 1, SubjectDistanceRange 2, Tag_0x1001 1,
        Tag_0x1002 1, WhiteBalance 3, WhitePoint 1, XPAuthor 1, XResolution 77, YCbCrCoefficients 1,
        YCbCrPositioning 54, YResolution 77
    """,
    "Interoperability": """
        InteroperabilityIndex 42, InteroperabilityVersion 42, RelatedImageLength 7, RelatedImageWidth 7
    """,
    "MakerNote": """
        AESetting 6/7, AFFocusPosition 10, AFPointSelected 6/7, AFPointSet 1, AFPointUsed 7, AFResponse 0/1,
        ActiveDLighting 0/9, AspectInfo 2, AuxiliaryLens 9/10, BWMode 1, BlurWarning 3, CCDSpeed 1, CameraID 1,
        ColorMode 11/12, ContinuousDriveMode 7/8, Contrast 7/8, DataDump 0/10, DateStampMode 4, DigitalICE 0/1,
        DigitalZoom 8/9, DigitalZoomFactor 9/10, EasyShootingMode 7/8, ExposureCount 2, ExposureMode 6/7,
        ExposureWarning 3, FirmwareRevision 2, FirmwareVersion 7, FlashActivity 6/7, FlashBias 6, FlashDetails
        6/7, FlashInfo 7/8, FlashMode 10/11, FlashSetting 9/10, FlashStrength 3, FocalLength 5/6,
        FocalPlaneDiagonal 1, FocalType 5/6, FocalUnitsPerMM 6/7, FocusMode 19/21, FocusPixel 1, FocusType 7/8,
        FocusWarning 3, HDRImageType 2, ISO 7/8, ISOSelection 9/10, ISOSetting 10, ImageAdjustment 10/11,
        ImageNumber 7, ImageProcessing 0/1, ImageSharpening 9/10, ImageSize 7/8, ImageStabilization 15/17,
        ImageType 7, ImageUniqueID 2, JPEGQual 1, LensDistortionParams 1, LensType 0/7,
        LongFocalLengthOfLensInFocalUnits 6/7, Macro 4, Macromode 7/8, MakernoteVersion 10, ManualFlashOutput
        5/6, ManualFocusDistance 0/1, MeteringMode 7/8, ModelID 7, MotorOrBracket 3, NEFBitDepth 9,
        NikonCaptureVersion 9, NikonPreview 1, NikonScan 9, NoiseReduction 9/10, NoteVersion 3, OwnerName 5,
        PictureMode 3, Quality 22/24, RecordMode 7/8, RecordingMode 2, RetouchHistory 10, Saturation 19/20,
        Scene_Assist 10, SceneMode 10, SelfTimer 7/8, SequenceNumber 7, Sharpness 10/11,
        ShortFocalLengthOfLensInFocalUnits 6/7, ShotInfo 1/10, SlowShutter 7, SlowSync 3, SoftwareRelease 1,
        SpotMeteringMode 6/7, SubjectDistance 6, ThumbnailImageValidArea 5, ToneCompensation 9, Unknown 0/8,
        WhiteBalance 11, Whitebalance 9/10
    """,
    "Thumbnail": """
        BitsPerSample 2, Compression 51, DateTime 1, ImageLength 2, ImageWidth 2, JPEGInterchangeFormat 52,
        JPEGInterchangeFormatLength 52, Make 2, Model 2, Orientation 12, PhotometricInterpretation 2,
        ResolutionUnit 50, RowsPerStrip 2, SamplesPerPixel 2, StripByteCounts 2, StripOffsets 2, XResolution 50,
        YCbCrPositioning 10, YResolution 50
    """,
}

BINARY = "a binary value, left out on purpose"
EMPTY = "a tag without any value"
SHIFTED = "older readers start 18 bytes late in maker notes that Nikon labels, and print what they find there"
NO_NOTE = "another program moved the maker note: what older readers print as its tags is noise"
NAMED = "the installed ExifRead has words for the number that the dump shows"
NAMELESS = 'many tags share the name "Unknown", left out on purpose'

# How many disagreements each reason explains.
RAW_REASONS = {BINARY: 57, EMPTY: 15, SHIFTED: 16, NO_NOTE: 29, NAMED: 16, NAMELESS: 8}


def reason(tag: str, name: str, value: str) -> str:
    """Return why a raw value may differ from the dump's, or the empty string."""
    if value == "[]":
        return EMPTY
    if tag in ("EXIF MakerNote", "Image PrintIM", "Image ApplicationNotes", "MakerNote ShotInfo"):
        return BINARY
    if tag in ("MakerNote LensType", "MakerNote ActiveDLighting"):
        return NAMED
    if tag == "MakerNote Unknown":
        return NAMELESS
    if tag.startswith("MakerNote ") and name == "jpg/Nikon_COOLPIX_P1":
        return SHIFTED
    return NO_NOTE if tag.startswith("MakerNote ") and name == "jpg/tests/28-hex_value" else ""


def table(group: str) -> dict[str, tuple[int, int]]:
    counts = {}
    for cell in RAW[group].split(","):
        leaf, count = cell.split()
        agree, _, have = count.partition("/")
        counts[f"{group} {leaf.replace('_', ' ')}"] = (int(agree), int(have or agree))
    return counts


def test_raw_values_agree_tag_by_tag(dump: Dump, read: dict[str, Metadata]) -> None:
    agree: Counter[str] = Counter()
    have: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for name, tags in dump.items():
        for tag, value in tags.items():
            if tag.startswith("MakerNote Tag 0x"):
                continue
            have[tag] += 1
            found = read[name].exif.get(key(tag), "")
            if one_line(found) == one_line(value):
                agree[tag] += 1
            else:
                reasons[reason(tag, name, value) or f"unexplained: {name} {tag} {value[:60]} read as {found[:60]}"] += 1
    assert reasons == RAW_REASONS
    assert {tag: (agree[tag], count) for tag, count in have.items()} == {
        tag: counts for group in RAW for tag, counts in table(group).items()
    }


def test_unknown_maker_note_tags_are_left_out(read: dict[str, Metadata]) -> None:
    assert not [key for metadata in read.values() for key in metadata.exif if key.startswith("MakerNote_Tag")]


def _ratio(text: str) -> float | None:
    text = text.strip("[] ").split(",")[0]
    try:
        return float(Fraction(text))
    except (ValueError, ZeroDivisionError):
        return None


def _positive(text: str) -> float | None:
    number = _ratio(text)
    return number if number and number > 0 else None


def _angle(text: str, sign: int) -> float:
    parts = [part.strip() for part in text.strip("[]").split(",")]
    degrees, minutes, seconds = (0.0 if part == "0/0" else float(Fraction(part)) for part in parts)
    return sign * (degrees + minutes / 60 + seconds / 3600)


def _moment(tags: dict[str, str]) -> str | None:
    for tag, subseconds in (
        ("EXIF DateTimeOriginal", "EXIF SubSecTimeOriginal"),
        ("EXIF DateTimeDigitized", "EXIF SubSecTimeDigitized"),
        ("Image DateTime", "EXIF SubSecTime"),
    ):
        match = re.match(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)$", tags.get(tag, "").strip())
        if match and match[2] != "00":
            digits = tags.get(subseconds, "").strip()
            fraction = "." + digits.ljust(3, "0") if digits.strip("0") else ""
            return "{}-{}-{}T{}:{}:{}".format(*match.groups()) + fraction
    return None


def expected_fields(tags: dict[str, str]) -> dict[str, Any]:
    """Compute typed fields from the text of the dump alone."""
    text = {tag: value.strip() for tag, value in tags.items()}
    words = {
        "exposure_program": {
            "Manual": "manual",
            "Program Normal": "program",
            "Aperture Priority": "aperture priority",
            "Shutter Priority": "shutter priority",
            "Program Creative": "creative",
        },
        "metering": {
            "Average": "average",
            "CenterWeightedAverage": "center-weighted average",
            "Spot": "spot",
            "Pattern": "pattern",
        },
        "white_balance": {"Auto": "auto", "Manual": "manual"},
    }
    fields: dict[str, Any] = {
        "camera.make": text.get("Image Make"),
        "camera.model": text.get("Image Model"),
        "software": text.get("Image Software"),
        "artist": text.get("Image Artist"),
        "copyright": text.get("Image Copyright"),
        "lens": text.get("EXIF LensModel"),
        "taken_at": _moment(tags),
        "taken_offset": text.get("EXIF OffsetTimeOriginal"),
        "exposure_time": _positive(text.get("EXIF ExposureTime", "")),
        "f_number": _positive(text.get("EXIF FNumber", "")),
        "focal_length": _positive(text.get("EXIF FocalLength", "")),
        "focal_length_35mm": _positive(text.get("EXIF FocalLengthIn35mmFilm", "")),
        "exposure_bias": _ratio(text.get("EXIF ExposureBiasValue", "")),
        "iso": _positive(text.get("EXIF ISOSpeedRatings", "")),
        "altitude": _ratio(text.get("GPS GPSAltitude", "")),
        "direction": _ratio(text.get("GPS GPSImgDirection", "")),
        "flash": text["EXIF Flash"].startswith(("Flash fired", "Strobe")) if "EXIF Flash" in text else None,
    }
    for field, tag in (
        ("exposure_program", "ExposureProgram"),
        ("metering", "MeteringMode"),
        ("white_balance", "WhiteBalance"),
    ):
        fields[field] = words[field].get(text.get(f"EXIF {tag}", text.get(f"Image {tag}", "")))
    if "GPS GPSLatitude" in text and "GPS GPSLongitude" in text:
        fields["lat"] = _angle(text["GPS GPSLatitude"], -1 if text["GPS GPSLatitudeRef"] == "S" else 1)
        fields["lon"] = _angle(text["GPS GPSLongitude"], -1 if text["GPS GPSLongitudeRef"] == "W" else 1)
    return {field: value for field, value in fields.items() if value not in (None, "")}


XMP = "the file says it in XMP alone"
HIDDEN = "its EXIF comes after other segments, where older readers do not look"
BETTER = "XMP has the artist's name, EXIF and Windows an address or nothing"
CHANGED = "EXIF has the moment of the file's last change, XMP that of the exposure"
OFFSET = "XMP has the moment with its offset, EXIF without"
ODD = "Flash 9969 is no flash state"

# Where typed fields differ from what the dump's text gives: field → files → reason.
TYPED_REASONS = {
    "software": {**dict.fromkeys(INVALID, XMP), "jpg/orientation/landscape_1": XMP, "jpg/orientation/portrait_1": XMP},
    "taken_at": {**dict.fromkeys(INVALID, XMP), "jpg/tests/30-type_error": CHANGED},
    "taken_offset": {
        **dict.fromkeys(INVALID, XMP),
        **dict.fromkeys(("jpg/Canon_DIGITAL_IXUS_400", "jpg/Nikon_D70", "jpg/Pentax_K10D"), OFFSET),
        **dict.fromkeys(("jpg/mobile/jolla", "jpg/tests/30-type_error", "jpg/tests/33-type_error"), OFFSET),
    },
    "lens": {"jpg/Nikon_D70": XMP},
    "flash": {"jpg/long_description": ODD},
    "artist": {"jpg/Pentax_K10D": BETTER, "jpg/tests/33-type_error": BETTER},
}
for _field in ("software", "taken_at", "artist"):
    TYPED_REASONS[_field]["jpg/xmp/no_exif"] = HIDDEN

# How many files agree on each typed field, of those where either side has it.
TYPED = {
    "camera.make": 55,
    "camera.model": 55,
    "lens": 4,
    "software": 47,
    "artist": 2,
    "copyright": 7,
    "taken_at": 60,
    "taken_offset": 2,
    "exposure_time": 50,
    "f_number": 53,
    "iso": 41,
    "focal_length": 53,
    "focal_length_35mm": 21,
    "exposure_bias": 51,
    "exposure_program": 37,
    "metering": 52,
    "white_balance": 38,
    "flash": 55,
    "lat": 16,
    "lon": 16,
    "altitude": 5,
    "direction": 5,
}


def test_typed_fields_agree_field_by_field(dump: Dump, read: dict[str, Metadata]) -> None:
    agree: Counter[str] = Counter()
    differ: dict[str, set[str]] = defaultdict(set)
    for name, tags in dump.items():
        expected = expected_fields(tags)
        found: dict[str, Any] = dict(read[name].fields)
        found.update(found.pop("location", {}))
        for field in (set(expected) | set(found)) & {*TYPED}:
            want, got = expected.get(field), found.get(field)
            if isinstance(want, float) and got is not None and math.isclose(want, got, rel_tol=1e-8):
                agree[field] += 1
            elif want == got:
                agree[field] += 1
            else:
                differ[field].add(name)
    assert differ == {field: set(files) for field, files in TYPED_REASONS.items()}
    assert agree == TYPED


def test_captions_are_what_people_wrote(read: dict[str, Metadata]) -> None:
    """Cameras' own descriptions ("OLYMPUS DIGITAL CAMERA", the model's name, a checksum) are none."""
    captions = {
        name: str(metadata.fields["caption"])[:24] for name, metadata in read.items() if "caption" in metadata.fields
    }
    assert captions == {
        # comments of JPEG
        "jpg/Nikon_D70": "comment in GIMP 2.4.5",
        "jpg/exif-org/kodak-dc210": "Lovely smoke effect here",
        "jpg/exif-org/sanyo-vpcsx550": "Et voila. For starters w",
        "jpg/exif-org/sony-powershota5": "..and henceforth, shall ",
        "jpg/long_description": "Operation Mountain Viper",
        "jpg/tests/33-type_error": "El cielo sobre Berlin (H",
        "jpg/xmp/BlueSquare": "XMPFiles BlueSquare test",
        "jpg/xmp/no_exif": "Der Goalie bin ig",
    }


def test_odd_values_are_warned_of(read: dict[str, Metadata]) -> None:
    warned = {name: metadata.warnings for name, metadata in read.items() if metadata.warnings}
    assert warned == {
        "jpg/long_description": ("Flash [9969] is not a flash state",),
        "jpg/tests/30-type_error": ("ExifOffset '' is not an offset",),
        "jpg/tests/32-lens_data": (
            "exif:ExposureTime 1/500 sec. is not a number",
            "exif:FNumber f/5,6 is not a number",
            "exif:FocalLength 105,0 mm is not a number",
            "exif:ExposureBiasValue 0,00 EV is not a number",
        ),
    }
