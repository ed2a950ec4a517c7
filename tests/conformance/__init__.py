"""Suites that every backend and every embedder passes."""
