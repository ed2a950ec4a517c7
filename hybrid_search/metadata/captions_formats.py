"""The formats of captions files as rows: a path, where it stands, and validated fields."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from hybrid_search.errors import CaptionsUnreadable
from hybrid_search.metadata.captions_columns import LATITUDE, LONGITUDE, PATH_NAMES, field_of, key_of, path_column
from hybrid_search.metadata.extra_fields import EXTRA, extra_name, typed
from hybrid_search.metadata.fields import FIELDS, close_names, flatten, read_field
from hybrid_search.metadata.model import UNITED, FieldValue
from hybrid_search.metadata.values import decode_text, shown

_PATHS = ", ".join(PATH_NAMES[:5])
_DELIMITERS = ",;\t|"
_MAX_CELL = 2**24  # characters; Python's csv takes 131,072 unless told otherwise
_LONG_CELL = f"has a text of more than {_MAX_CELL:,} characters, the most that are read"


@dataclass(frozen=True)
class Row:
    """One row of a captions file: which picture, where the row stands, what it says."""

    path: str
    where: str
    fields: Mapping[str, FieldValue]


def read_rows(file: Path) -> Iterator[Row]:
    """Yield the rows of a captions file, its format told by its content.

    Raises
    ------
    CaptionsUnreadable
        See `hybrid_search.metadata.load_captions`.
    """
    try:
        text = _decode(file.read_bytes())
    except OSError as error:
        raise CaptionsUnreadable(str(file), error.strerror or str(error)) from None
    start = text.lstrip()[:1]
    if not start:
        raise CaptionsUnreadable(str(file), "the file is empty")
    try:
        if start in "{[":
            records = _json_records(text)
        else:
            records = _csv_records(text, tabs=file.suffix.lower() in (".tsv", ".tab"))
        for where, record in records:
            yield _row(where, record)
    except _Refused as refused:
        raise CaptionsUnreadable(str(file), str(refused)) from None


class _Refused(Exception):
    """Why a captions file cannot be used."""


Record = tuple[str, Mapping[str, object]]


def _decode(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    return decode_text(data.removeprefix(codecs.BOM_UTF8))


def _row(where: str, record: Mapping[str, object]) -> Row:
    path_name = path_column(record)
    path = record[path_name] if path_name is not None else None
    if not isinstance(path, str) or not path.strip():
        raise _Refused(f"{where} names no picture; it needs one of {_PATHS}")
    fields: dict[str, FieldValue] = {}
    halves: dict[str, object] = {}
    # of two columns for one field, the one of its own name comes first
    for name in sorted(record, key=lambda name: key_of(name) not in FIELDS):
        value = record[name]
        if key_of(name) in PATH_NAMES or value is None or value == "":
            continue
        field = _field(name, where)
        if field in (LATITUDE, LONGITUDE):
            halves[field] = value
        elif (read := _read(field, value, where, column=name)) not in ("", []):
            fields[field] = _united(field, fields[field], read) if field in fields else read
    if halves and "location" not in fields:
        fields["location"] = _read("location", _place(halves, where), where, column="location")
    return Row(path.strip(), where, fields)


def _read(field: str, value: object, where: str, *, column: str) -> FieldValue:
    try:
        return read_field(field, _unlisted(field, value))[1]
    except ValueError as error:
        named = field if key_of(column) == field else f"{column.strip()} ({field})"
        raise _Refused(f"{where}: {named} {shown(value)} {error}") from None


def _united(field: str, first: FieldValue, second: FieldValue) -> FieldValue:
    """Return what two columns say of one field: captions stand one per line, of other texts the first holds."""
    if field == "caption" and str(second) not in str(first).split("\n"):
        return f"{first}\n{second}"
    if isinstance(first, list) and isinstance(second, list):
        return list(dict.fromkeys([*first, *second]))
    return first


def _place(halves: Mapping[str, object], where: str) -> dict[str, object]:
    if len(halves) < 2:
        given, missing = (LATITUDE, LONGITUDE) if LATITUDE in halves else (LONGITUDE, LATITUDE)
        raise _Refused(f"{where} has a {given} and no {missing}")
    return {"lat": halves[LATITUDE], "lon": halves[LONGITUDE]}


def _field(name: str, where: str) -> str:
    if name.strip().lower().startswith(EXTRA):
        try:
            return extra_name(name)
        except ValueError as error:
            raise _Refused(f"{where}: {shown(name.strip())}: {error}") from None
    field = field_of(name)
    if field is None:
        told = name.strip() if len(name) <= 60 else f"{name.strip()[:59]}…"
        raise _Refused(f"{where}: {told!r} is neither a field nor one of {_PATHS}{close_names(told)}")
    return field


def _unlisted(field: str, value: object) -> object:
    """Return tags, or people, that a cell holds as a JSON list."""
    if field in UNITED and isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _csv_records(text: str, *, tabs: bool) -> Iterator[Record]:
    header_line = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = "\t" if tabs else max(_DELIMITERS, key=header_line.count)
    csv.field_size_limit(max(csv.field_size_limit(), _MAX_CELL))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            where, line = f"line {line}", reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if max(map(len, cells)) > _MAX_CELL:
                # the reader's own limit is one of the whole process, which other packages raise
                raise _Refused(f"{where} {_LONG_CELL}")
            if header is None:
                header = _header(cells, where)
            elif len(cells) > len(header):
                raise _Refused(
                    f"{where} has {len(cells)} values for {len(header)} columns; "
                    f"put a text that contains {delimiter!r} in double quotes"
                )
            else:
                # a table has no other way to say that an own field holds numbers
                own = {name for name in header if name.strip().lower().startswith(EXTRA)}
                row = zip(header, cells, strict=False)
                yield where, {name: typed(cell) if name in own else cell for name, cell in row}
    except csv.Error as error:
        where = f"line {max(reader.line_num, 1)}"
        if "field larger" in str(error):
            raise _Refused(f"{where} {_LONG_CELL}") from None
        raise _Refused(f"{where}: {error}") from None
    if header is None:
        raise _Refused("there is no header")


def _header(cells: list[str], where: str) -> list[str]:
    if path_column(cells) is None:
        raise _Refused(f"{where} must be a header with one of {_PATHS}; it has {shown(', '.join(cells))}")
    keys = [key_of(cell) for cell in cells]
    for key, cell in zip(keys, cells, strict=True):
        if keys.count(key) > 1:
            raise _Refused(f"{where} has the column {cell.strip()!r} twice")
        if key not in PATH_NAMES:
            _field(cell, where)
    return cells


def _json_records(text: str) -> Iterable[Record]:
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        if text.lstrip().startswith("{") and "\n" in text.strip():
            return _json_lines(text)
        raise _Refused(f"it is not JSON: {error}") from None
    if isinstance(content, dict) and isinstance(content.get("annotations"), list):
        return _coco_records(content)
    if isinstance(content, dict) and path_column(content) is not None:
        content = [content]
    if isinstance(content, list):
        return ((f"record {number}", _object(f"record {number}", item)) for number, item in enumerate(content, 1))
    return _mapping_records(content)


def _json_lines(text: str) -> Iterator[Record]:
    # str.splitlines would also split at characters that JSON allows inside texts
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            where = f"line {number}"
            if len(line) > _MAX_CELL:
                raise _Refused(f"{where} has more than {_MAX_CELL:,} characters, the most that are read")
            try:
                content = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise _Refused(f"{where} is not JSON: {error}") from None
            yield where, _object(where, content)


def _object(where: str, content: object) -> Mapping[str, object]:
    if not isinstance(content, dict):
        raise _Refused(f"{where} is not a JSON object")
    return flatten(cast("dict[str, object]", content))


def _mapping_records(content: Mapping[str, object]) -> Iterator[Record]:
    """Yield the records of {"path": "caption"} and {"path": {"caption": …}}."""
    for path, value in content.items():
        where = f"key {path!r}"
        if isinstance(value, str):
            yield where, {"path": path, "caption": value}
        elif isinstance(value, list) and all(isinstance(caption, str) for caption in value):
            for caption in value:
                yield where, {"path": path, "caption": caption}
        else:
            yield where, {**_object(where, value), "path": path}


def _coco_records(content: Mapping[str, Any]) -> Iterator[Record]:
    images = content.get("images")
    if not isinstance(images, list):
        raise _Refused("it has annotations but no images; COCO captions have both")
    names = {_coco_id(image.get("id")): image.get("file_name") for image in images if isinstance(image, dict)}
    for number, annotation in enumerate(content["annotations"], 1):
        where = f"annotation {number}"
        record = _object(where, annotation)
        if "caption" not in record:
            raise _Refused(f"{where} has no caption; COCO instances and keypoints are not captions")
        id = _coco_id(record.get("image_id"))
        if id is None or id not in names:
            raise _Refused(f"{where} is about image {shown(record.get('image_id'))}, which is not among the images")
        yield where, {"path": names[id], "caption": record["caption"]}


def _coco_id(value: object) -> int | float | str | None:
    """Return what COCO has as an id, None for what can be none: a list, a mapping, nothing."""
    return value if isinstance(value, (int, float, str)) else None
