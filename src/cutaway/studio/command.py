"""cutaway studio: a page in the browser in which a file becomes a network that can be watched, opened and forked."""

from __future__ import annotations

import errno
import json
import os
import socket
import urllib.request
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from ..errors import ArgumentError, FileError
from ..extras import needed

PORT = 8617  # unless it is taken, and nobody asked for it


def studio(
    data: Annotated[Path | None, Argument(help="A table, images or sequences to begin with; else choose or drop a file "
                                               "on the page.", show_default=False)] = None,
    port: Annotated[int | None, Option(min=1024, max=65535, show_default=False,
                                       help=f"Where the page is served: {PORT}, or another that is free.")] = None,
    home: Annotated[Path | None, Option(metavar="FOLDER", show_default=False,
                                        help="Where runs are kept; else the user's data folder.")] = None,
    browser: Annotated[bool, Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
) -> None:
    """Open the studio: from a file to a network that trains before your eyes, and to the chain rule of each weight.

    It is for this machine alone: it listens on 127.0.0.1, and lets in the browser that has its link. Each run trains in
    a process of its own and is kept on the disk, whatever becomes of the page. Ctrl-C ends the studio; runs go on.
    """
    needed("uvicorn", "studio", "the studio")
    needed("starlette", "studio", "the studio")
    from ..cli.terminal import Screen

    screen, folder = Screen(), _home(home)
    if data is not None and not data.exists():
        raise FileError(f"{data}: there is no such file or folder")
    if link := _running(folder):
        if data is not None or port is not None:
            screen.say("The studio is running already, with the files that it has: open more of them on its page.")
        return _open(screen, link, browser)
    sock = socket_on(port, last_port(folder))
    serve(sock, folder, data, lambda link: _open(screen, link, browser))
    screen.say("The studio is closed. Runs that train go on; `cutaway studio` shows them again.")


def serve(sock: Any, home: Path, data: Path | None, ready: Any) -> None:
    """Serve the studio on a socket until it is interrupted; `ready` is called with the link that opens it."""
    import uvicorn

    from .folder import new_run
    from .guards import Keys
    from .server import application

    keys, port = Keys(home), sock.getsockname()[1]
    path = None if data is None else data.resolve()
    first = "" if path is None else f"#run={new_run(home, file=str(path), name=path.name).name}"
    config = uvicorn.Config(application(home, port, keys, lambda: server.should_exit), log_level="warning",
                            access_log=False, lifespan="off", server_header=False, ws="none", timeout_keep_alive=30,
                            timeout_graceful_shutdown=1, h11_max_incomplete_event_size=64 * 2**10,
                            limit_concurrency=128)
    server, where = uvicorn.Server(config), home / "studio.json"
    with os.fdopen(os.open(where, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({"port": port, "again": keys.again, "pid": os.getpid()}, file)
    ready(f"http://127.0.0.1:{port}/start?key={keys.link()}{first}")
    from .processes import Processes

    Processes(home).wake()
    try:
        with suppress(KeyboardInterrupt):
            server.run(sockets=[sock])
    finally:
        where.write_text(json.dumps({"port": port}))


def _home(given: Path | None) -> Path:
    """Find the folder of runs, which only its owner may read, and make it if it is not there."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    home = given or data / "cutaway" / "studio"
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = home / ".probe"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as problem:
        raise FileError(f"--home {home}: runs cannot be kept there ({problem.strerror or problem}): name a folder "
                        "where you may write.") from None
    return home.resolve()


def _running(home: Path) -> str:
    """A fresh link to a studio that runs on this folder already; "" if none does."""
    try:
        known = json.loads((home / "studio.json").read_text())
        asked = urllib.request.Request(f"http://127.0.0.1:{int(known['port'])}/again", b"{}",
                                       {"x-again": str(known["again"])})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(asked, timeout=3) as answer:
            return f"http://127.0.0.1:{int(known['port'])}/start?key={json.load(answer)['key']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def last_port(home: Path) -> int:
    """Find the port of the last studio on this folder, where pages that are still open look for it; else the usual one.
    """
    try:
        return int(json.loads((home / "studio.json").read_text())["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return PORT


def socket_on(port: int | None, last: int = PORT) -> socket.socket:
    """Listen on the port asked for, else on the last one, else on the usual one, else on any that is free."""
    for one in (last, PORT, 0) if port is None else (port,):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if os.name != "nt":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", one))
            sock.listen(128)
            return sock
        except OSError as problem:
            sock.close()
            if port is not None or problem.errno not in (errno.EADDRINUSE, errno.EACCES):
                why = "another program listens there" if problem.errno == errno.EADDRINUSE else problem.strerror
                raise ArgumentError(f"--port {one}: {why}. Name another, or leave it out: a free one is found."
                                    ) from None
    raise ArgumentError("no port is free on 127.0.0.1: close some programs that listen there.")


def _open(screen: Any, link: str, browser: bool) -> None:
    opened = False
    if browser:
        try:
            opened = webbrowser.open(link)
        except (webbrowser.Error, OSError):
            opened = False
    screen.say("The studio is open in the browser. Ctrl-C ends it." if opened else
               "Open this link in the browser of this machine; it is good once, for five minutes. Ctrl-C ends the "
               "studio.")
    if not opened:
        screen.text(f"  {link}")
