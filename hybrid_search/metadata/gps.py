"""Where a picture was taken: position, altitude and direction from GPS tags."""

from __future__ import annotations

from hybrid_search.metadata.exif import ExifTags
from hybrid_search.metadata.fields import Gate
from hybrid_search.metadata.taken_at import Moment
from hybrid_search.metadata.values import first_number, parse_date, shown


def put_location(exif: ExifTags, gate: Gate) -> None:
    """Fill a gate with location (degrees), altitude (m above the sea) and direction (degrees clockwise from north)."""
    lat = _axis(exif, gate, "GPSLatitude", limit=90, signs={"N": 1, "S": -1})
    lon = _axis(exif, gate, "GPSLongitude", limit=180, signs={"E": 1, "W": -1})
    put_position(gate, lat, lon, first_number(exif.values("GPS GPSAltitude")))
    _put_altitude(exif, gate)
    direction = exif.values("GPS GPSImgDirection")
    if direction:
        gate.put("direction", first_number(direction), source="GPSImgDirection", found=direction)
        if first_number(direction) is None:
            gate.warn(f"GPSImgDirection {shown(direction)} is not a number")


def put_position(gate: Gate, lat: float | None, lon: float | None, height: float | None, *, source: str = "") -> None:
    """Set the location; 0, 0 without a height is what receivers write that have none."""
    if lat == 0 and lon == 0 and not height:
        gate.warn("GPS position 0, 0 is what receivers write that have none")
    elif lat is not None and lon is not None:
        gate.put("location", {"lat": lat, "lon": lon}, source=source)


def _axis(exif: ExifTags, gate: Gate, name: str, *, limit: float, signs: dict[str, int]) -> float | None:
    found = exif.values(f"GPS {name}")
    if not found:
        return None
    value = degrees(found)
    if value is None:
        gate.warn(f"{name} {shown(found)} is not an angle")
        return None
    hemisphere = exif.text(f"GPS {name}Ref")[:1].upper()
    if hemisphere not in signs and value > 0:
        gate.warn(f"{name}Ref {shown(hemisphere)} names no hemisphere")
        return None
    value = abs(value) * signs[hemisphere] if hemisphere in signs else value
    if not -limit <= value <= limit:
        gate.warn(f"{name} {value:g} is out of range")
        return None
    return value


def degrees(values: object) -> float | None:
    """Return degrees, minutes and seconds as decimal degrees, or None when they are no angle.

    Undefined minutes or seconds (0/0) count as none where the parts before them are there.

    Examples
    --------
    >>> degrees([40, 30, 36])
    40.51
    """
    if not isinstance(values, list) or not 1 <= len(values) <= 3:
        return None
    numbers = [first_number(value) for value in values]
    if numbers[0] is None or any(value is not None and value < 0 for value in numbers[1:]):
        return None
    whole = abs(numbers[0]) + sum((number or 0) / 60**power for power, number in enumerate(numbers[1:], 1))
    return round(float(-whole if numbers[0] < 0 else whole), 9)


def _put_altitude(exif: ExifTags, gate: Gate) -> None:
    found = exif.values("GPS GPSAltitude")
    if not found:
        return
    height = first_number(found)
    if height is None:
        gate.warn(f"GPSAltitude {shown(found)} is not a number")
        return
    below = first_number(exif.values("GPS GPSAltitudeRef")) in (1, 3)
    gate.put("altitude", -abs(height) if below else height, source="GPSAltitude")


def gps_moment(exif: ExifTags) -> Moment | None:
    """Return when the receiver had its position, in UTC, None where EXIF does not say it."""
    found = exif.values("GPS GPSTimeStamp")
    parts = [first_number(part) for part in found] if isinstance(found, list) else []
    if len(parts) != 3 or None in parts:
        return None
    hour, minute, second = (float(part or 0) for part in parts)
    time = f"{hour:02.0f}:{minute:02.0f}:{int(second):02}"
    try:
        written = parse_date(f"{exif.text('GPS GPSDate')} {time}", subseconds=f"{second % 1:.3f}"[2:])
    except ValueError:
        return None
    return Moment(written, "+00:00", is_utc=True) if "T" in written else None
