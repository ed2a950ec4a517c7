"""Copies of one picture: found in an index, grouped, and dealt with safely."""

from __future__ import annotations
