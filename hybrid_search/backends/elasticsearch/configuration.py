"""Where the options of a server come from: the configuration file, the environment, and which of them wins."""

from __future__ import annotations

import configparser
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from hybrid_search.backends.elasticsearch.location import read_location
from hybrid_search.errors import BackendUnavailable

PREFIX = "HYBRID_SEARCH_"
"""What the names of environment variables begin with."""

SECRETS = ("api_key", "password")
"""Options that are shown to nobody."""

_SECTION = "elasticsearch"


def layered(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of two sources as one: those of `upper` win, and take the place of what contradicts them.

    Examples
    --------
    >>> layered({"api_key": "a2V5", "timeout": 5}, {"username": "me"})
    {'timeout': 5, 'username': 'me'}
    """
    replaced: set[str] = set()
    if "api_key" in upper:
        replaced |= {"username", "password"}
    elif "username" in upper:
        replaced |= {"api_key"} if lower.get("username") in (None, upper["username"]) else {"api_key", "password"}
    replaced |= {"ca_fingerprint"} if "ca_certs" in upper else set()
    replaced |= {"ca_certs"} if "ca_fingerprint" in upper else set()
    return {name: value for name, value in lower.items() if name not in replaced} | dict(upper)


def from_environment(environment: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """Return the options that environment variables give; an empty one gives none."""
    found = {name: environment.get(PREFIX + name.upper(), "") for name in names}
    return {name: value for name, value in found.items() if value}


def from_file(
    config: str | os.PathLike[str] | None,
    environment: Mapping[str, str],
    *,
    names: Collection[str],
    urls: Collection[str],
) -> dict[str, str]:
    """Return the options that the configuration file gives for servers.

    Parameters
    ----------
    config : path or None
        The file; else the one that HYBRID_SEARCH_CONFIG names, else `config.ini` in the user's folder of settings.
    names : collection of str
        The options that there are.
    urls : collection of str
        The servers that will be asked: a section of URLs counts when it has them all.

    Raises
    ------
    BackendUnavailable
        When the file cannot be read, others can read the secrets in it, or it has sections or options of other names.
    """
    path = _path(config, environment)
    if path is None:
        return {}
    parser, mode = _parse(path)
    sections = {name: dict(parser.items(name)) for name in parser.sections()}
    for options in sections.values():
        if unknown := sorted(options.keys() - set(names)):
            raise BackendUnavailable(str(path), f"no option {unknown[0]!r}; known: {', '.join(names)}")
        if any(name in options for name in SECRETS) and os.name == "posix" and mode & 0o077:
            raise BackendUnavailable(str(path), f"it holds a secret that others can read; run `chmod 600 {path}`")
        if "ca_certs" in options:
            options["ca_certs"] = str(path.parent / Path(os.path.expanduser(options["ca_certs"])))
    values = sections.get(_SECTION, {})
    for options in _sections_of(sections, urls, path):
        values = layered(values, options)
    return values


def _sections_of(sections: Mapping[str, dict[str, str]], urls: Collection[str], path: Path) -> Iterator[dict[str, str]]:
    for name, options in sections.items():
        if name == _SECTION:
            continue
        try:
            named, login = read_location(name)
        except BackendUnavailable:
            raise BackendUnavailable(str(path), f"a section is [{_SECTION}] or the URL of a server") from None
        if login:
            raise BackendUnavailable(str(path), "user name and password stand below a section's URL, not in it")
        if urls and set(urls) <= set(named):
            yield options


def _parse(path: Path) -> tuple[configparser.ConfigParser, int]:
    # no default section: what stands there would go to every server
    parser = configparser.ConfigParser(interpolation=None, default_section="")
    try:
        with path.open(encoding="utf-8-sig") as file:
            mode = os.fstat(file.fileno()).st_mode
            parser.read_string(file.read(), source=str(path))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        # the text of a parser's error quotes the line, which may hold a secret
        reason = getattr(error, "strerror", None) or f"it is no INI file ({type(error).__name__})"
        raise BackendUnavailable(str(path), reason) from None
    return parser, mode


def _path(config: str | os.PathLike[str] | None, environment: Mapping[str, str]) -> Path | None:
    named = config or environment.get(f"{PREFIX}CONFIG")
    if named:
        path = Path(os.path.expanduser(named))
        if not path.is_file():
            raise BackendUnavailable(str(path), "there is no such configuration file")
        return path
    import platformdirs

    path = Path(platformdirs.user_config_dir("hybrid-search", appauthor=False)) / "config.ini"
    return path if path.is_file() else None
