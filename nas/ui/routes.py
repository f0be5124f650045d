"""From addresses to pages: opens the archive, makes the page in a thread, says what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from nas.errors import ArchiveError, NASError
from nas.ui import overview, studies, trials
from nas.ui.links import Links, content
from nas.ui.reading import Pages, TooSlowError
from nas.ui.render import render
from nas.ui.security import FRAME, HEADERS
from nas.ui.visit import Answer, Visit

if TYPE_CHECKING:
    from nas.plugins import Plugins

_KINDS = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}
_SQL = "execute-sql"

CONFIG = "nas"
"""What Datasette's metadata has of us: ``{"plugins": {"nas": {"files": ["space.py"]}}}``."""


def routes() -> list[tuple[str, Callable[..., Any]]]:
    """Return our addresses, as Datasette takes them."""
    archive = r"^/-/nas/(?P<database>[^/]+)"
    study, trial = rf"{archive}/studies/(?P<study>\d+)", rf"{archive}/trials/(?P<trial>\d+)"
    return [
        (r"^/-/nas/-/assets/(?P<name>[\w.-]+)$", _asset),
        (r"^/-/nas/-/frame$", _frame),
        (rf"{archive}$", _view(overview.page_of)),
        (rf"{archive}/progress$", _view(overview.progress_of)),
        (rf"{study}$", _view(studies.page_of)),
        (rf"{study}/points$", _view(studies.plot_of)),
        (rf"{trial}$", _view(trials.page_of)),
        (rf"{trial}/json$", _view(trials.document_of)),
        (rf"{trial}/architecture$", _view(trials.drawing_of)),
    ]


def _view(make: Callable[[Visit], Answer]) -> Callable[..., Any]:
    async def view(datasette: Any, request: Any) -> Any:
        from datasette.utils import tilde_decode
        from datasette.utils.asgi import NotFound

        from nas.ui.plugin import is_archive

        which = dict(request.url_vars)
        try:
            database = datasette.get_database(route=tilde_decode(which.pop("database")))
        except KeyError:
            raise NotFound("no such archive is served here") from None
        seen = [("view-database", database.name), "view-instance"]
        await datasette.ensure_permissions(request.actor, seen)
        if not is_archive(database):
            raise NotFound(f"{database.name} is no archive of nas")
        sql = await datasette.permission_allowed(
            request.actor, _SQL, resource=database.name, default=True
        )
        links = Links(datasette, database.name)
        asked = {key: request.args.get(key) for key in request.args}
        files = tuple((datasette.plugin_config(CONFIG) or {}).get("files", ()))

        def answer() -> Answer:
            with Pages(database.path) as archive:
                version = archive.version()
                return make(
                    Visit(archive, version, links, which, asked, lambda: _plugins(files), bool(sql))
                )

        return _response(await asyncio.to_thread(_tried, answer, links))

    return view


def _tried(answer: Callable[[], Answer], links: Links) -> Answer:
    try:
        return answer()
    except TooSlowError as error:
        return _trouble(links, 503, str(error))
    except ArchiveError as error:
        return _trouble(links, 404, str(error))
    except NASError as error:
        return _trouble(links, 500, str(error))


def _trouble(links: Links, status: int, message: str) -> Answer:
    values = {"links": links, "archive": "", "message": message}
    return Answer(render("trouble.html", values), status=status)


@cache
def _plugins(files: tuple[str, ...]) -> Plugins:
    from nas.plugins import PluginFile, Plugins

    return Plugins([PluginFile.read(path) for path in files])


async def _asset(request: Any) -> Any:
    from datasette.utils.asgi import NotFound

    name = request.url_vars["name"]
    kind = _KINDS.get(name.rpartition(".")[2])
    try:
        if kind is None:
            raise FileNotFoundError
        body = content(name)
    except FileNotFoundError:
        raise NotFound(f"no file {name}") from None
    forever = {"cache-control": "public, max-age=31536000, immutable"}
    return _response(Answer(body, kind, headers=forever))


async def _frame(datasette: Any) -> Any:
    links = Links(datasette, next(iter(datasette.databases)))
    return _response(Answer(render("frame.html", {"links": links}), policy=FRAME))


def _response(answer: Answer) -> Any:
    from datasette.utils.asgi import Response

    headers = {
        "content-security-policy": answer.policy,
        "cache-control": "no-store",
        **HEADERS,
        **answer.headers,
    }
    return Response(answer.body, answer.status, headers, answer.kind)
