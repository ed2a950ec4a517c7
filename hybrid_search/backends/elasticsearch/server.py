"""How a server is reached, and how a new index is laid out there: by option, environment or configuration file."""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from hybrid_search.errors import BackendUnavailable

__all__ = ["Server", "split_location"]

_PREFIX = "HYBRID_SEARCH_"
_SECRETS = ("api_key", "password")
_INDEX_TYPES = (
    "hnsw", "int8_hnsw", "int4_hnsw", "bbq_hnsw", "flat", "int8_flat", "int4_flat", "bbq_flat",
)  # fmt: skip


@dataclass(frozen=True)
class Server:
    """Credentials, trust and patience for an Elasticsearch server, and the layout of an index made there.

    Certificates are always verified: by the system's authorities, by `ca_certs`, or by `ca_fingerprint`.

    Parameters
    ----------
    api_key : str, optional
        An API key, encoded as Elasticsearch shows it. It wins over a user name.
    username, password : str, optional
        Basic authentication.
    cloud_id : str, optional
        An Elastic Cloud deployment, in place of a URL.
    ca_certs : str, optional
        PEM file of the authority that signed the server's certificate.
    ca_fingerprint : str, optional
        SHA-256 of that authority's certificate, in hexadecimal, as Elasticsearch prints it at its first start.
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
        """Check what would otherwise fail late, or in the server's words."""
        if self.timeout <= 0 or self.deadline < 0:
            raise BackendUnavailable("the server", "timeout must be above 0 s, deadline at least 0 s")
        if self.shards is not None and not 1 <= self.shards <= 1024:
            raise BackendUnavailable("the server", f"shards must be from 1 to 1024 (got {self.shards})")
        low, dash, high = (self.replicas or "0").partition("-")
        if not low.isdigit() or not (high.isdigit() or high == "all" or not dash):
            raise BackendUnavailable("the server", f"replicas is a number or a range: 0-1 (got {self.replicas!r})")
        if self.vectors is not None and self.vectors not in _INDEX_TYPES:
            raise BackendUnavailable("the server", f"no vectors {self.vectors!r}; known: {', '.join(_INDEX_TYPES)}")

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
        """Return what environment and configuration file say, the environment first.

        Parameters
        ----------
        location : str, optional
            The server's URL: a section of that name is read before the section `[elasticsearch]`, so that a key is
            sent to no other server than its own.
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
        values = _from_file(_config_path(config, environment), location)
        values |= {
            name: environment[_PREFIX + name.upper()] for name in _NAMES if environment.get(_PREFIX + name.upper())
        }
        return cls(**{name: _typed(name, value) for name, value in values.items()})

    def with_options(self, **given: Any) -> Server:
        """Return a copy in which every option that is not None replaces what was there."""
        return replace(self, **{name: value for name, value in given.items() if value is not None})


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
    urls = []
    for text in location.split(","):
        url, server = _split_one(text.strip(), server)
        urls.append(url)
    return tuple(urls), server


def _split_one(text: str, server: Server) -> tuple[str, Server]:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BackendUnavailable("that URL", f"it cannot be read ({error}); write http://host:9200") from None
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https") or not host:
        raise BackendUnavailable(
            f"{scheme}://{host or '…'}", "an Elasticsearch server is http://host:port or https://…"
        )
    if parts.query or parts.fragment:
        raise BackendUnavailable(f"{scheme}://{host}", "a server's URL has no ? and no #; the index is named by `name`")
    if parts.username is not None:
        server = server.with_options(
            username=server.username or unquote(parts.username),
            password=server.password or (unquote(parts.password) if parts.password is not None else None),
        )
    host = f"[{host}]" if ":" in host else host
    path = parts.path.rstrip("/")
    return urlunsplit((scheme, f"{host}:{port or (443 if scheme == 'https' else 9200)}", path, "", "")), server


def _config_path(config: str | os.PathLike[str] | None, environment: Mapping[str, str]) -> Path | None:
    named = config or environment.get(f"{_PREFIX}CONFIG")
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            raise BackendUnavailable(str(path), "there is no such configuration file")
        return path
    import platformdirs

    path = Path(platformdirs.user_config_dir("hybrid-search", appauthor=False)) / "config.ini"
    return path if path.is_file() else None


def _from_file(path: Path | None, location: str | None) -> dict[str, str]:
    if path is None:
        return {}
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8"), source=str(path))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        # the text of a parser's error quotes the line, which may hold a secret
        reason = getattr(error, "strerror", None) or f"it is no INI file ({type(error).__name__})"
        raise BackendUnavailable(str(path), reason) from None
    values: dict[str, str] = {}
    for section in ("elasticsearch", location or ""):
        if section and parser.has_section(section):
            values |= dict(parser.items(section))
    if unknown := sorted(values.keys() - set(_NAMES)):
        raise BackendUnavailable(str(path), f"no option {unknown[0]!r}; known: {', '.join(_NAMES)}")
    if any(name in values for name in _SECRETS) and os.name == "posix" and path.stat().st_mode & 0o077:
        raise BackendUnavailable(str(path), f"it holds a secret that others can read; run `chmod 600 {path}`")
    return values


def _typed(name: str, value: str) -> Any:
    kind = _NUMBERS.get(name)
    if kind is None:
        return value
    try:
        return kind(value)
    except ValueError:
        raise BackendUnavailable("the server", f"{name} is a number (got {value!r})") from None
