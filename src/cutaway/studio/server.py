"""The studio's server: the page's own files, the runs, and the way to the processes that do the work."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from .. import datasets
from ..errors import ArgumentError, CutawayError, FileError
from ..report.style import COLOURS
from ..text import size
from .folder import RunFolder, new_run, run_named, runs
from .guards import SANDBOX, Guard, Keys, TooMuch, body_of, same
from .lab import LabProcesses
from .limits import MOST_ASKED, MOST_LISTED, MOST_STREAMS
from .playground import INPUTS, MADE, Ground
from .processes import Processes
from .stream import events, places
from .uploads import plain_name, receive

STATIC = Path(__file__).resolve().parent / "static"
DRAWING = Path(__file__).resolve().parents[1] / "drawing" / "page"
KINDS = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
#: Every file that the page may ask for, by its address. What draws is that of all pages: a module of the studio imports
#: it by the way that leads there on the disk, "../../drawing/page/", which a browser ends at the root.
FILES = {f"/{folder}/{path.name}": path for folder, place in (("static", STATIC), ("drawing/page", DRAWING))
         for path in place.iterdir() if path.suffix in KINDS}
#: Data that ship, for visitors without a file.
SAMPLES = ("houses", "italy_power", "japanese_vowels")

Answer = Callable[[Request], Awaitable[Response]]


class Studio:
    """The routes of a studio whose runs lie in `home`."""

    def __init__(self, home: Path, keys: Keys, ends: Callable[[], bool]) -> None:
        self.home, self.keys, self.processes, self.ends = home, keys, Processes(home), ends
        self.labs, self.streams = LabProcesses(home), 0

    def routes(self) -> list[Route]:
        return [
            Route("/", _told(self.page)),
            Route("/static/{name}", _told(self.static)),
            Route("/drawing/page/{name}", _told(self.static)),
            Route("/again", _told(self.again), methods=["POST"]),
            Route("/api/home", _told(self.list)),
            Route("/api/files", _told(self.upload), methods=["POST"]),
            Route("/api/made", _told(self.made), methods=["POST"]),
            Route("/api/samples", _told(self.sample), methods=["POST"]),
            Route("/api/events", _told(self.follow)),
            Route("/api/runs/{run}", _told(self.about)),
            Route("/api/runs/{run}/again", _told(self.copy), methods=["POST"]),
            Route("/api/runs/{run}/ask", _told(self.ask), methods=["POST"]),
            Route("/api/runs/{run}/losses", _told(self.losses)),
            Route("/api/runs/{run}/model", _told(self.model)),
            Route("/api/runs/{run}/report", _told(self.report)),
            Route("/api/runs/{run}/page", _told(self.whole)),
            Route("/api/runs/{run}/script", _told(self.script)),
            Route("/api/lab", _told(self.lab)),
            Route("/api/lab/{name}", _told(self.experiment), methods=["POST"]),
            Route("/api/runs/{run}/stop", _told(self.stop_experiment), methods=["POST"]),
        ]

    # ---- the page ----------------------------------------------------------------------------------------------------
    async def page(self, request: Request) -> Response:
        return FileResponse(STATIC / "index.html", media_type=KINDS[".html"])

    async def static(self, request: Request) -> Response:
        path = request.url.path
        if path == "/static/colours.css":  # those of all pages
            return Response(COLOURS, media_type=KINDS[".css"])
        if path not in FILES:  # a list of addresses, so that no path is made of what somebody sent
            raise FileError("there is no such file")
        return FileResponse(FILES[path], media_type=KINDS[FILES[path].suffix])

    async def again(self, request: Request) -> Response:
        """Give a second `cutaway studio` of the same user a fresh link; it knows the secret from its file."""
        if not same(request.headers.get("x-again", ""), self.keys.again):
            return _wrong(403, "a fresh link is for whoever started the studio")
        return JSONResponse({"key": self.keys.link()})

    async def list(self, request: Request) -> Response:
        """List the runs and the samples, and give the page its token for what changes something."""
        found = await run_in_threadpool(lambda: [_about(run) for run in runs(self.home, MOST_LISTED)
                                                 if "lab" not in run.settings])
        return JSONResponse({"token": self.keys.header, "runs": found, "samples": SAMPLES, "made": MADE,
                             "inputs": list(INPUTS), "home": str(self.home)})

    # ---- runs --------------------------------------------------------------------------------------------------------
    async def upload(self, request: Request) -> Response:
        path = await receive(request, self.home)
        return JSONResponse({"run": self.open(path).name})

    async def sample(self, request: Request) -> Response:
        asked = await _json(request)
        name = asked.get("name")
        if name in MADE:
            path = Ground.asked(asked).write(self.home)
            kept = {key: asked[key] for key in ("name", "rows", "noise", "seed", "inputs") if key in asked}
            return JSONResponse({"run": new_run(self.home, file=str(path.resolve()), name=path.name, made=kept).name})
        if name not in SAMPLES:
            raise ArgumentError(f"there is no sample {name!r:.40}: there are {', '.join((*SAMPLES, *MADE))}")
        return JSONResponse({"run": self.open(datasets.path(name)).name})

    async def made(self, request: Request) -> Response:
        """Give the points of made data, to be drawn before anything is learnt."""
        return JSONResponse(Ground.asked(await _json(request)).drawn())

    def open(self, path: Path) -> RunFolder:
        return new_run(self.home, file=str(path.resolve()), name=path.name)

    async def copy(self, request: Request) -> Response:
        """Begin another run on the same file, with the same choices but for those that are given."""
        old, other = run_named(self.home, request.path_params["run"]).settings, await _json(request)
        kept = {name: old[name] for name in ("target", "columns", "choices", "made") if name in old}
        if isinstance(other.get("choices"), dict):
            kept["choices"] = kept.get("choices", {}) | other["choices"]
        return JSONResponse({"run": new_run(self.home, file=old["file"], name=old["name"], **kept).name})

    async def about(self, request: Request) -> Response:
        return JSONResponse(_about(run_named(self.home, request.path_params["run"])))

    async def ask(self, request: Request) -> Response:
        run = run_named(self.home, request.path_params["run"])
        question = await _json(request)
        answer = await run_in_threadpool(self.processes.ask, run, question)
        return JSONResponse(answer, 422 if "wrong" in answer else 200)

    async def losses(self, request: Request) -> Response:
        """Give J of each step after `from` as little-endian doubles."""
        run = run_named(self.home, request.path_params["run"])
        start, fork = (_number(request, name) for name in ("from", "fork"))
        return Response(await run_in_threadpool(run.losses, start, fork), media_type="application/octet-stream")

    async def follow(self, request: Request) -> Response:
        if self.streams >= MOST_STREAMS:
            return _wrong(429, "too many pages follow the studio: close some of its tabs")
        last = request.headers.get("last-event-id", "") or request.query_params.get("last", "")
        at = places(self.home, request.query_params.get("runs", ""), last)

        async def counted() -> Any:
            self.streams += 1
            try:
                async for message in events(at, self.ends):
                    yield message
            finally:
                self.streams -= 1

        return StreamingResponse(counted(), media_type="text/event-stream")

    # ---- the lab (lab.py) --------------------------------------------------------------------------------------------
    async def lab(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self.labs.told))

    async def experiment(self, request: Request) -> Response:
        asked = await _json(request)
        return JSONResponse(await run_in_threadpool(self.labs.begin, request.path_params["name"], asked))

    async def stop_experiment(self, request: Request) -> Response:
        return JSONResponse(self.labs.stop(request.path_params["run"]))

    # ---- to take home ------------------------------------------------------------------------------------------------
    async def model(self, request: Request) -> Response:
        run = run_named(self.home, request.path_params["run"])
        path = run.path / "model.safetensors"
        if not path.is_file():
            raise FileError("there is no model yet: it is written when training has ended")
        return FileResponse(path, filename=f"{Path(run.settings['name']).stem}.safetensors",
                            media_type="application/octet-stream")

    async def whole(self, request: Request) -> Response:
        """Give the page that trains by itself, which the run was asked for; it is kept, and never shown here."""
        run = run_named(self.home, request.path_params["run"])
        path = run.path / "page.html"
        if not path.is_file():
            raise FileError("there is no page yet: ask the run for it first")
        return FileResponse(path, filename=f"{Path(run.settings['name']).stem}.html", media_type=KINDS[".html"],
                            headers={"content-security-policy": SANDBOX})

    async def script(self, request: Request) -> Response:
        """Give the session as a Python script that does the same."""
        from .script import script_of

        run = run_named(self.home, request.path_params["run"])
        if run.settings["state"] == "new":
            raise FileError("there is nothing to repeat yet: design and train first")
        text = await run_in_threadpool(script_of, run)
        name = f"{plain_name(run.settings['name']).partition('.')[0]}.py"
        return Response(text, media_type="text/x-python; charset=utf-8",
                        headers={"content-disposition": f"attachment; filename*=utf-8''{quote(name)}"})

    async def report(self, request: Request) -> Response:
        """Show the report of a run: a generated page, which may run nothing."""
        path = run_named(self.home, request.path_params["run"]).path / "report.html"
        if not path.is_file():
            raise FileError("there is no report yet: it is written when training has ended")
        return FileResponse(path, media_type=KINDS[".html"], headers={"content-security-policy": SANDBOX})


def application(home: Path, port: int, keys: Keys, ends: Callable[[], bool] = lambda: False) -> Guard:
    """Make the whole application, guarded. ends: whether the server is about to, and so what it streams."""
    return Guard(Starlette(routes=Studio(home, keys, ends).routes()), keys, port)


def _about(run: RunFolder) -> dict[str, Any]:
    settings = run.settings
    known = run.losses_file().stat().st_size // 8 if run.losses_file().exists() else 0
    names = ("name", "state", "target", "columns", "choices", "ended", "forks", "made")
    return {"run": run.name, "done": known} | {name: settings.get(name) for name in names}


def _told(answer: Answer) -> Answer:
    """Let errors become words with a status."""
    async def careful(request: Request) -> Response:
        try:
            return await answer(request)
        except TooMuch:
            return _wrong(413, f"this question is longer than {size(MOST_ASKED)}")
        except ClientDisconnect:
            return _wrong(400, "nobody waits for this answer any more")
        except MemoryError as problem:
            return _wrong(503, str(problem) or "there is not enough memory")
        except CutawayError as problem:
            return _wrong(404 if isinstance(problem, FileError) else 422, str(problem))
        except OSError as problem:
            return _wrong(507, f"{problem.filename or 'the disk'}: {problem.strerror or problem}")
    return careful


def _wrong(status: int, why: str) -> Response:
    return JSONResponse({"wrong": why}, status)


async def _json(request: Request) -> dict[str, Any]:
    try:
        found = json.loads(await body_of(request))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ArgumentError("a question to the studio is an object in JSON")
    return found


def _number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "0")
    if not text.isdecimal() or len(text) > 15:
        raise ArgumentError(f"{name} {text!r:.40}: give a whole number")
    return int(text)
