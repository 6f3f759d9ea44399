"""An office with offerings of a test's own, and a person in front of a form there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bot.demo.slack.client import Client
from tests.integration.office import Office, opened


@contextmanager
def offering(factory: pytest.TempPathFactory, **files: str) -> Iterator[Office]:
    """An office that offers what these files have: each by its name, without `.py`."""
    folder = factory.mktemp("offerings")
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text.lstrip())
    with opened(factory.mktemp("office"), offerings=folder) as office:
        yield office


def ask(office: Office, who: Client, words: str) -> None:
    """Type `/platform request WORDS`, and have an empty form."""
    who.type_command("#general", f"/platform request {words}")
    office.until(who.view)
    if "form_again" in str(who.view()):  # a window of another test was closed late, and its draft kept
        who.press("form_again")
        office.until(lambda: "form_again" not in str(who.view()))


def field(who: Client, pointer: str) -> dict[str, Any]:
    """The block of a field, in whatever turn of the page."""
    view = who.view()
    assert view is not None
    return next(each for each in view.blocks if str(each.get("block_id")).partition("~")[0] == pointer)


def block(who: Client, pointer: str) -> str:
    """Its id."""
    return str(field(who, pointer)["block_id"])


def has(who: Client, pointer: str) -> bool:
    """Whether the form asks for it."""
    view = who.view()
    assert view is not None
    return any(str(each.get("block_id")).partition("~")[0] == pointer for each in view.blocks)


def requested(office: Office, who: Client) -> tuple[str, dict[str, Any]]:
    """The number and the answers of the request that the window confirms."""
    view = who.view()
    assert view is not None
    assert view.title.startswith("REQ-"), (view.title, view.errors, who.notice(), view.body)
    service = office.process.service
    return view.title, dict(service.show(service.person(who.me.id), view.title).form)
