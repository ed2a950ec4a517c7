"""Slow, plain re-statements of algorithms, to compare the fast ones with."""
