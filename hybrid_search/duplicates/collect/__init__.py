"""A whole index compared with itself: pairs, groups, and what people decided about them."""

from __future__ import annotations
