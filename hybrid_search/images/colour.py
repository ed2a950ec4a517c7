"""Pixels of any mode as RGB: alpha on white, deep greys rescaled, wide gamuts converted to sRGB."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from hybrid_search.images.levels import to_uint8

_TRANSPARENT_MODES = {"RGBA", "RGBa", "LA", "La", "PA"}


def to_rgb(image: Image.Image) -> Image.Image:
    """Return the image in mode RGB, its colours in sRGB as far as its ICC profile is usable.

    Parameters
    ----------
    image : PIL image
        Any mode. It is not changed; an RGB image without a profile is returned as it is.
    """
    profile = image.info.get("icc_profile")
    if image.mode in ("CMYK", "LAB"):
        return _converted(image, profile if image.mode == "CMYK" else None)
    if image.mode in _TRANSPARENT_MODES or "transparency" in image.info:
        image = _on_white(image)
    elif image.mode in ("I", "F") or image.mode.startswith("I;"):
        image = Image.fromarray(to_uint8(np.asarray(image)))
    return _converted(image.convert("RGB") if image.mode != "RGB" else image, profile)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        return Image.fromarray(to_uint8(np.asarray(image)))
    if image.mode == "La":
        image = image.convert("LA")
    # a copy of a large picture is what there may be no memory for
    rgba = image if image.mode == "RGBA" else image.convert("RGBA")
    alpha = rgba.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return rgba.convert("RGB")
    white = Image.new("RGB", rgba.size, "white")
    white.paste(rgba, mask=alpha)
    return white


def _converted(image: Image.Image, profile: bytes | None) -> Image.Image:
    transform = _to_srgb(profile if isinstance(profile, bytes) else b"", image.mode)
    if transform is not None:
        try:
            return ImageCms.applyTransform(image, transform) or image
        except (ImageCms.PyCMSError, ValueError, OSError):
            pass
    return image.convert("RGB") if image.mode != "RGB" else image


@lru_cache(maxsize=64)
def _to_srgb(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the transform from a profile to sRGB; None when there is nothing to do, or the profile is damaged."""
    try:
        if mode == "LAB":
            source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        elif profile:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        else:
            return None
        if "sRGB" in (source.profile.profile_description or ""):
            return None
        target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        return ImageCms.buildTransform(source, target, mode, "RGB")
    except (ImageCms.PyCMSError, ValueError, OSError, TypeError):
        return None
