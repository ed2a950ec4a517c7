"""The command `serve`: a page over an index in the browser."""

from __future__ import annotations

import secrets
from importlib.util import find_spec
from typing import Annotated

import typer

from hybrid_search.cli.output import terminal
from hybrid_search.cli.parsing import options
from hybrid_search.cli.parsing.session import open_index
from hybrid_search.errors import PackageMissing

_PORT = 8765


def serve(
    context: typer.Context,
    location: options.Index = None,
    host: Annotated[
        str,
        options.value("--host", "ADDRESS", "Where to listen; any but this machine itself needs a token."),
    ] = "127.0.0.1",
    port: Annotated[int, options.value("--port", "N", "The port; 0 takes a free one.", min=0, max=65535)] = _PORT,
    token: Annotated[
        str | None,
        options.value(
            "--token",
            "TEXT",
            "What every request must bring; one is made where it is needed and none is given.",
            envvar="HYBRID_SEARCH_TOKEN",
            show_envvar=True,
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        options.value("--allow-host", "NAME", "A name by which browsers may call this server; repeatable."),
    ] = None,
    open_page: Annotated[bool, options.flag("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Open a page over the index in the browser: search, look, filter; nothing is changed."""
    if find_spec("uvicorn") is None or find_spec("starlette") is None:
        raise PackageMissing("serve", "pip install 'hybrid-search[web]'")
    from hybrid_search.web import Access, web_app
    from hybrid_search.web.serving import is_loopback, listen, server

    if token is None and not is_loopback(host):
        token = secrets.token_urlsafe(24)
    with open_index(context, location) as index:
        try:
            bound = listen(host, port)
        except OSError as error:
            raise typer.BadParameter(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
        with bound:
            shown = f"[{host}]" if ":" in host else host
            address = f"http://{shown}:{bound.getsockname()[1]}/" + (f"?token={token}" if token else "")
            terminal.write(f"{address}\n")
            terminal.flush()
            terminal.note("Ctrl-C ends it")
            if open_page:
                typer.launch(address)
            access = Access(token=token, hosts=frozenset(name.lower() for name in allow_host or ()))
            server(web_app(index, access=access)).run(sockets=[bound])
