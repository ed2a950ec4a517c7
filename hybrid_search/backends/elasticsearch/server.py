"""How a server is reached, and how a new index is laid out there: by option, environment or configuration file."""

from __future__ import annotations

import math
import os
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from hybrid_search.backends.elasticsearch.configuration import from_environment, from_file, layered
from hybrid_search.backends.elasticsearch.location import read_location
from hybrid_search.errors import BackendUnavailable

_INDEX_TYPES = (
    "hnsw", "int8_hnsw", "int4_hnsw", "bbq_hnsw", "flat", "int8_flat", "int4_flat", "bbq_flat",
)  # fmt: skip
_PLACE = "the server"


@dataclass(frozen=True)
class Server:
    """Credentials, trust and patience for an Elasticsearch server, and the layout of an index made there.

    Certificates are always verified, with host name and date: by the authorities that are commonly trusted, or, where
    one is given, by `ca_certs` or `ca_fingerprint` alone. Secrets are in no repr, message or pickle.

    Parameters
    ----------
    api_key : str, optional
        An API key, encoded as Elasticsearch shows it, or as "id:key". It wins over a user name.
    username, password : str, optional
        Basic authentication.
    cloud_id : str, optional
        An Elastic Cloud deployment, in place of a URL.
    ca_certs : str, optional
        PEM file of the authority that signed the server's certificate.
    ca_fingerprint : str, optional
        SHA-256 of that authority's certificate, in hexadecimal, as Elasticsearch prints it at its first start; the
        server must send that certificate along with its own.
    timeout : float
        Seconds that one request may take.
    deadline : float
        Seconds for which a request is repeated while the server is overloaded or away.
    shards : int, optional
        Primary shards of a new index, 1 by default; a migration keeps those that the index has.
    replicas : str, optional
        Copies of every shard: a number such as "1", or a range such as "0-1" (none on a single node), the default.
    vectors : str, optional
        How a new index searches vectors, Elasticsearch's `index_options.type`: "hnsw", the default, keeps them exact;
        "int8_hnsw", "int4_hnsw" and "bbq_hnsw" round them to a quarter, an eighth and a thirtieth, and score the best
        again.

    Raises
    ------
    BackendUnavailable
        When a value cannot be used.

    Examples
    --------
    >>> Server(username="reader", password="secret", shards=3)
    Server(username='reader', shards=3)
    """

    api_key: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    cloud_id: str | None = None
    ca_certs: str | None = None
    ca_fingerprint: str | None = None
    timeout: float = 30.0
    deadline: float = 60.0
    shards: int | None = None
    replicas: str | None = None
    vectors: str | None = None

    def __post_init__(self) -> None:
        """Check what would otherwise fail late, or in words that quote a secret."""
        for each in fields(self):
            _check_type(each.name, getattr(self, each.name))
        if self.api_key is not None:
            object.__setattr__(self, "api_key", _Secret(_encoded(self.api_key)))
        if self.password is not None:
            object.__setattr__(self, "password", _Secret(self.password))
        if self.ca_fingerprint is not None:
            object.__setattr__(self, "ca_fingerprint", _fingerprint(self.ca_fingerprint))
        self._check_trust()
        if not 0 < self.timeout <= 86_400 or not self.deadline >= 0:
            raise BackendUnavailable(_PLACE, "timeout must be above 0 s and at most a day, deadline at least 0 s")
        self._check_layout()

    def __repr__(self) -> str:
        """Show what differs from the defaults, and no secret."""
        shown = (
            f"{each.name}={getattr(self, each.name)!r}"
            for each in fields(self)
            if each.repr and getattr(self, each.name) != each.default
        )
        return f"Server({', '.join(shown)})"

    @classmethod
    def load(
        cls,
        location: str | None = None,
        *,
        config: str | os.PathLike[str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Server:
        """Return what URL, environment and configuration file say; the former win.

        Parameters
        ----------
        location : str, optional
            The server's URL. In the file a section of that name is read after the section `[elasticsearch]`, and wins
            over it; what stands there is sent to no other server.
        config : path, optional
            An INI file; by default the one that HYBRID_SEARCH_CONFIG names, or `config.ini` in the user's folder of
            settings.
        environment : mapping, optional
            HYBRID_SEARCH_API_KEY and so on, `os.environ` by default.

        Raises
        ------
        BackendUnavailable
            When the file cannot be read, others can read the secrets in it, or a value cannot be used.
        """
        environment = os.environ if environment is None else environment
        urls, login = read_location(location) if location else ((), {})
        values = layered(from_file(config, environment, names=_NAMES, urls=urls), from_environment(environment, _NAMES))
        values = layered(values, login)
        return cls(**{name: _typed(name, value) for name, value in values.items()})

    def with_options(self, **given: Any) -> Server:
        """Return a copy in which every option that is not None replaces what was there, and what contradicts it."""
        held = {name: value for name in _NAMES if (value := getattr(self, name)) is not None}
        return Server(**layered(held, {name: value for name, value in given.items() if value is not None}))

    def check_login(self) -> None:
        """Raise BackendUnavailable when there is a user name without a password, or the reverse."""
        if self.api_key is None and (self.username is None) != (self.password is None):
            given, missing = ("password", "user name") if self.username is None else ("user name", "password")
            raise BackendUnavailable(_PLACE, f"there is a {given} without a {missing}")

    def _check_trust(self) -> None:
        if self.username is not None and (":" in self.username or not self.username):
            raise BackendUnavailable(_PLACE, "a user name is not empty, and has no colon")
        if self.ca_certs is not None and self.ca_fingerprint is not None:
            raise BackendUnavailable(_PLACE, "ca_certs and ca_fingerprint say the same thing twice; give one of them")

    def _check_layout(self) -> None:
        if self.shards is not None and not 1 <= self.shards <= 1024:
            raise BackendUnavailable(_PLACE, f"shards must be from 1 to 1024 (got {self.shards})")
        if self.replicas is not None and not re.fullmatch(r"\d{1,4}(-(\d{1,4}|all))?", self.replicas, re.ASCII):
            raise BackendUnavailable(_PLACE, f"replicas is a number or a range: 0-1 (got {self.replicas!r})")
        if self.vectors is not None and self.vectors not in _INDEX_TYPES:
            raise BackendUnavailable(_PLACE, f"no vectors {self.vectors!r}; known: {', '.join(_INDEX_TYPES)}")


_NAMES = tuple(each.name for each in fields(Server))
_NUMBERS: dict[str, type[int] | type[float]] = {"timeout": float, "deadline": float, "shards": int}


def split_location(location: str, server: Server) -> tuple[tuple[str, ...], Server]:
    """Return the URLs of a location, without user names and passwords, and the server with those taken over.

    Examples
    --------
    >>> split_location("http://me:secret@one:9200,http://two:9200/", Server())
    (('http://one:9200', 'http://two:9200'), Server(username='me'))

    Raises
    ------
    BackendUnavailable
        When a part is no http or https URL with a host.
    """
    urls, login = read_location(location)
    known = server.api_key is not None or server.username is not None
    return urls, server if known else server.with_options(**login)


class _Secret(str):
    """A text that dumps of variables do not show, and that is not pickled."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"

    def __copy__(self) -> _Secret:
        return self

    def __deepcopy__(self, memo: object) -> _Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> Any:
        raise TypeError("a Server with secrets is not pickled; let every process call Server.load()")


def _check_type(name: str, value: Any) -> None:
    if name in _NUMBERS:
        fits = isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value)
        whole = name != "shards" or isinstance(value, int)
        if not (fits and whole) and not (value is None and name == "shards"):
            raise BackendUnavailable(_PLACE, f"{name} is a number (got {value!r})")
    elif value is not None:
        try:
            value.encode()
        except (AttributeError, UnicodeEncodeError):
            raise BackendUnavailable(_PLACE, f"{name} is a text") from None


def _encoded(api_key: str) -> str:
    """Return an API key as it is sent; a character that no header takes would end up in the error of the client."""
    if not re.fullmatch("[!-~]+", api_key) or api_key.count(":") > 1:
        raise BackendUnavailable(_PLACE, "api_key is what Elasticsearch shows as `encoded`, or id:key, without spaces")
    return b64encode(api_key.encode()).decode() if ":" in api_key else api_key


def _fingerprint(text: str) -> str:
    digits = re.sub(r"[:\s]", "", text).lower()
    if not re.fullmatch("[0-9a-f]{64}", digits):
        raise BackendUnavailable(_PLACE, "ca_fingerprint is a SHA-256: 64 hexadecimal digits, with or without colons")
    return digits


def _typed(name: str, value: str) -> Any:
    kind = _NUMBERS.get(name)
    if kind is None:
        return value.strip() if name == "api_key" else value
    try:
        return kind(value)
    except ValueError:
        raise BackendUnavailable(_PLACE, f"{name} is a number (got {value!r})") from None
