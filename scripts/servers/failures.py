"""The ways in which a server can fail to start, each with the exit code that tells callers which it was."""

from __future__ import annotations


class Failure(Exception):
    """Something went wrong; the message is one line and ends in a remedy where there is one."""

    code = 1


class NotToBeHad(Failure):
    """This machine lacks something that a server needs (Java, Maven, OpenSSL, a network), which is no fault of ours."""

    code = 3
