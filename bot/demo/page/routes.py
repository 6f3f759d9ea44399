"""The workspace in the browser: one is one of several people, reads, writes, fills in modals and presses buttons.

Who one is stands in the address (`/as/ada/C123`), so several windows can be several people. Every answer to an act is
the regions of the screen that changed (`<hx-partial>`, https://htmx.org), and a WebSocket says when to ask for more; a
browser allows only six HTTP connections to a host, which a handful of windows with long polls would use up.
`bot.demo.guard` keeps other machines and other pages out.
"""

import asyncio
import hashlib
import json
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from jinja2 import ChainableUndefined, Environment, PackageLoader
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.demo.page import elements
from bot.demo.page.bookmarks import Bookmarks
from bot.demo.page.guard import Guard
from bot.demo.page.screen import Screen, permalink
from bot.demo.slack.client import NotOnScreen
from bot.demo.slack.interactions import escaped
from bot.demo.slack.workspace import Workspace

#: The parts of the page that are drawn anew when they changed, each a template `region_….html`.
REGIONS = ("people", "rooms", "head", "messages", "thread", "notice", "modal")
#: How often the server looks for news on behalf of an open window, in seconds.
PULSE = 0.05
GONE = "That is no longer on the screen."


def routes(workspace: Workspace, *, suggestions: Sequence[str] = ()) -> list[BaseRoute]:
    """The page's routes; `suggestions` are lines worth typing, shown beside the channels."""
    page = Page(workspace, suggestions)
    guard = [Middleware(Guard)]
    place = "/as/{who}/{where}"
    return [
        Route("/", page.enter, middleware=guard),
        Route("/as/{who}", page.enter, middleware=guard),
        Route(place, page.show, middleware=guard),
        Route(place + "/news", page.news, middleware=guard),
        Route(place + "/suggest", page.suggest, middleware=guard),
        *(
            Route(f"{place}/{name}", page.acting(act), methods=["POST"], middleware=guard)
            for name, act in {"say": say, "act": touch, "submit": submit, "close": close, "dismiss": dismiss}.items()
        ),
        Route("/archives/{channel}/{message}", page.archives, middleware=guard),
        WebSocketRoute("/live", page.live, middleware=guard),
        Mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), middleware=guard),
    ]


# -- acts: what a form of the page says, done as that person


def say(screen: Screen, form: FormData) -> None:
    """Write a message or type a command; in a thread, a reply."""
    text, thread = _text(form, "text").strip(), _text(form, "thread")
    if not text:
        return
    if not text.startswith("/"):
        screen.client.say(screen.where, escaped(screen.workspace, text), thread_ts=thread)
    elif thread:
        screen.tell(f"{text.split()[0]} is not supported in threads. Sorry!")
    else:
        screen.client.type_command(screen.where, text)


def touch(screen: Screen, form: FormData) -> None:
    """Press a button, choose in a select, or change a field; which one is in `changed`."""
    block_id, action_id = elements.unkey(_text(form, "changed")) or ("", "")
    block, element = screen.find(_text(form, "place"), _text(form, "id"), block_id, action_id)
    if element["type"] == "file_input":
        screen.client.choose_files(block_id, *_chosen(form.getlist(elements.FILES)))
        return
    if "pressed" in form:
        value: Any = _text(form, "pressed") or None
    else:
        value = elements.human(element, [str(one) for one in form.getlist(_text(form, "changed"))], screen.zone)
    if _text(form, "place") == "message":
        screen.client.click(screen.where, _text(form, "id"), action_id, value, block_id=block_id)
    elif block["type"] == "input":
        # What is known already is no news, but would take a fresh error away from its field.
        if block.get("dispatch_action") or value != screen.human(
            screen.open_view(_text(form, "id"))[1], block, element
        ):
            screen.client.fill({block_id: value})
    else:
        screen.client.press(action_id, value, block_id=block_id)


def _chosen(given: Sequence[UploadFile | str]) -> list[tuple[str, bytes]]:
    files = [each for each in given if isinstance(each, UploadFile) and each.filename]
    return [(str(each.filename), each.file.read()) for each in files]


def submit(screen: Screen, form: FormData) -> None:
    """Press the modal's submit button, with what the browser holds."""
    view, place = screen.open_view(_text(form, "id"))
    for block in view.blocks:
        for element in elements.elements(block) if block["type"] == "input" else ():
            name = elements.key(block["block_id"], element["action_id"])
            value = elements.human(element, [str(one) for one in form.getlist(name)], screen.zone)
            if element["type"] != "file_input" and value != screen.human(place, block, element):
                screen.client.fill({block["block_id"]: value})
    screen.client.submit()


def close(screen: Screen, form: FormData) -> None:
    """Press Cancel, or the x, which closes all modals."""
    screen.open_view(_text(form, "id"))
    if form.get("all"):
        screen.client.close_all()
    else:
        screen.client.close()


def _text(form: FormData, name: str) -> str:
    return str(form.get(name) or "")


def dismiss(screen: Screen, _form: FormData) -> None:
    """Take away what the client itself said."""
    screen.tell("")


Act = Callable[[Screen, FormData], None]


@dataclass
class Page:
    """The page of one workspace."""

    workspace: Workspace
    suggestions: Sequence[str]

    def __post_init__(self) -> None:
        self.bookmarks = Bookmarks(self.workspace)
        #: One person does one thing at a time: leaving a field by Enter both fills it and submits.
        self.hands: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self.templates = Environment(
            loader=PackageLoader("bot.demo.page"),
            autoescape=True,
            undefined=ChainableUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.globals |= {"key": elements.key, "ident": elements.ident, "elements": elements}

    # -- reading

    def enter(self, request: Request) -> Response:
        """The first channel of the first person, or of the one in the address."""
        people = [one for one in self.workspace.people.values() if not one.bot_id and not one.deleted]
        who = request.path_params.get("who")
        me = next((one for one in people if who in {None, one.handle, one.id}), None)
        if me is None:
            raise HTTPException(404, "Nobody here has that name.")
        rooms = [one for one in self.workspace.person(me.id).channels() if not one.archived]
        mine = [one for one in rooms if me.id in one.members and not one.direct] or rooms
        return RedirectResponse(f"/as/{me.handle}/{mine[0].id if mine else me.id}")

    def show(self, request: Request) -> Response:
        """The whole page; only what changed when the page itself asks (a thread is opened)."""
        query = request.query_params
        screen = self._screen(request, query)
        if "HX-Request" in request.headers:
            return self._regions(request, screen)
        if screen.channel:
            self.bookmarks.read(screen.me, screen.channel)
        if screen.tab == "home":
            screen.client.open_home()
        return HTMLResponse(
            self._draw("page.html", screen, regions={name: self._region(name, screen) for name in REGIONS})
        )

    def news(self, request: Request) -> Response:
        """What changed since the window last asked."""
        return self._regions(request, self._screen_of_window(request))

    def suggest(self, request: Request) -> Response:
        """The options that an app offers for what was typed into an external select."""
        query = request.query_params
        screen = self._screen_of_window(request)
        block_id, action_id = elements.unkey(query.get("changed", "")) or ("", "")
        try:
            found = screen.suggest(query.get("place", ""), query.get("id", ""), block_id, action_id, query.get("q", ""))
        except NotOnScreen:
            found = []
        return HTMLResponse(self._draw("options.html", screen, offer=elements.grouped(found, whole=True), held=[]))

    def archives(self, request: Request) -> Response:
        """A permalink, opened as whoever read it last, or as the first person."""
        handle = next((one.handle for one in self.workspace.people.values() if not one.bot_id), "")
        came_from = urlsplit(request.headers.get("referer", "")).path.split("/")
        if len(came_from) > 2 and came_from[1] == "as":
            handle = came_from[2]
        return RedirectResponse(permalink(handle, **request.path_params))

    # -- acting

    def acting(self, act: Act) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint that does `act` and answers with what changed on the screen."""

        async def endpoint(request: Request) -> Response:
            async with request.form() as form:
                return await run_in_threadpool(self._act, act, request, form)

        return endpoint

    def _act(self, act: Act, request: Request, form: FormData) -> Response:
        screen = self._screen_of_window(request)
        try:
            with self.hands[screen.me.id]:
                act(screen, form)
        except NotOnScreen:
            screen.tell(GONE)
        return self._regions(request, self._screen_of_window(request))

    # -- drawing

    def _screen(self, request: Request, query: Mapping[str, str]) -> Screen:
        about = {name: query.get(name, "") for name in ("thread", "at", "tab")}
        try:
            screen = Screen(self.workspace, self.bookmarks, **request.path_params, **about)
            screen.channel  # noqa: B018 - raises KeyError where there is no such place
        except KeyError as error:
            raise HTTPException(404, "There is no such person or place in this workspace.") from error
        return screen

    def _screen_of_window(self, request: Request) -> Screen:
        """As the window's address says: an open thread and a message that was linked to."""
        return self._screen(request, dict(parse_qsl(urlsplit(request.headers.get("hx-current-url", "")).query)))

    def _regions(self, request: Request, screen: Screen) -> Response:
        if screen.channel and request.headers.get("x-looking") == "yes":
            self.bookmarks.read(screen.me, screen.channel)
        seen = json.loads(request.headers.get("x-seen", "{}"))
        version = {"X-Version": str(self.workspace.version)}  # before it is drawn: it is at least so new
        drawn = {name: self._region(name, screen) for name in REGIONS}
        changed = {name: html for name, (digest, html) in drawn.items() if seen.get(name) != digest}
        if "HX-Request" in request.headers and not changed:
            return Response(status_code=204, headers=version)
        parts = (
            f'<hx-partial hx-target="#{name}" hx-swap="outerMorph">{html}</hx-partial>'
            for name, html in changed.items()
        )
        return HTMLResponse("\n".join(parts), headers=version)

    def _region(self, name: str, screen: Screen) -> tuple[str, str]:
        """Its digest, and its HTML, which carries the digest so that the window can say what it has."""
        html = self._draw(f"region_{name}.html", screen)
        digest = hashlib.sha256(html.encode()).hexdigest()[:16]
        return digest, html.replace("data-digest", f'data-digest="{digest}"', 1)

    def _draw(self, template: str, screen: Screen, **more: Any) -> str:
        return self.templates.get_template(template).render(
            screen=screen,
            me=screen.me,
            reader=screen.reader,
            workspace=self.workspace,
            suggestions=self.suggestions,
            **more,
        )

    # -- news

    async def live(self, socket: WebSocket) -> None:
        """Sends the workspace's version whenever it went up, until the window closes."""
        await socket.accept()
        async with asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(self._tell(socket))
            try:
                while True:
                    await socket.receive_text()
            except WebSocketDisconnect:
                telling.cancel()

    async def _tell(self, socket: WebSocket) -> None:
        """Looks at a number now and then: no thread waits for a window that may stay open for days."""
        known = -1  # what happened while the window opened is news to it too
        # The other side notices as well when the window has gone.
        with suppress(WebSocketDisconnect):
            while True:
                await asyncio.sleep(PULSE)
                if self.workspace.version > known:
                    known = self.workspace.version
                    await socket.send_text(str(known))
