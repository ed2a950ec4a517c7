"""Warnings are silenced in the thread that decodes, and in no other."""

from __future__ import annotations

import threading
import warnings

import pytest

from hybrid_search.images.decoder_warnings import quiet


def test_warnings_inside_are_ignored_and_outside_are_not() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with quiet():
            warnings.warn("inside", UserWarning, stacklevel=1)
            with quiet():
                warnings.warn("deeper", RuntimeWarning, stacklevel=1)
            warnings.warn("inside again", DeprecationWarning, stacklevel=1)
        with pytest.raises(UserWarning, match="outside"):
            warnings.warn("outside", UserWarning, stacklevel=1)


def test_another_thread_still_gets_its_warnings() -> None:
    caught: list[Warning] = []

    def warn() -> None:
        try:
            warnings.warn("from elsewhere", UserWarning, stacklevel=1)
        except UserWarning as warning:
            caught.append(warning)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with quiet():
            other = threading.Thread(target=warn)
            other.start()
            other.join()
    assert [str(warning) for warning in caught] == ["from elsewhere"]


def test_the_filter_is_put_in_front_once() -> None:
    with warnings.catch_warnings():
        with quiet():
            before = list(warnings.filters)
        for _ in range(3):
            with quiet():
                pass
        assert warnings.filters == before


def test_an_error_inside_ends_the_silence() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(KeyError), quiet():
            raise KeyError
        with pytest.raises(UserWarning):
            warnings.warn("after", UserWarning, stacklevel=1)
