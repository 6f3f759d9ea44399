"""Who may use the workspace's page: a browser on this machine that shows the page, and nobody else."""

from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from bot.demo.page import routes as page
from bot.demo.server import serve
from bot.demo.slack.workspace import Workspace


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    workspace = Workspace()
    workspace.add_person("ada", "Ada Lovelace")
    workspace.add_channel("general", ["ada"])
    with serve(workspace, page.routes(workspace)):
        yield workspace


def said(workspace: Workspace) -> list[str]:
    return [message.text for message in workspace.messages("general")]


def test_the_start_leads_to_somebody_in_a_channel(workspace: Workspace) -> None:
    answer = httpx.get(workspace.base_url, follow_redirects=True)
    assert answer.url.path == "/as/ada/C01GENERAL"
    assert "Ada Lovelace" in answer.text


@pytest.mark.parametrize("path", ["/", "/as/ada/general", "/static/page.js", "/archives/C01GENERAL/p1790000000000100"])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", ""])
def test_a_name_from_elsewhere_is_refused(workspace: Workspace, path: str, host: str) -> None:
    assert httpx.get(workspace.base_url + path, headers={"Host": host}).status_code in {400, 403}


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://127.0.0.1:1"])
def test_an_act_from_another_page_is_refused(workspace: Workspace, origin: str | None) -> None:
    headers = {"Origin": origin} if origin else {}
    answer = httpx.post(f"{workspace.base_url}/as/ada/general/say", data={"text": "forged"}, headers=headers)
    assert answer.status_code == 403
    assert said(workspace) == []


def test_an_act_from_the_page_itself_is_done(workspace: Workspace) -> None:
    headers = {"Origin": workspace.base_url}
    answer = httpx.post(f"{workspace.base_url}/as/ada/general/say", data={"text": "hello"}, headers=headers)
    assert answer.status_code == 200
    assert "hello" in answer.text
    assert said(workspace) == ["hello"]


def test_nothing_inline_and_nothing_from_elsewhere_may_run(workspace: Workspace) -> None:
    answer = httpx.get(f"{workspace.base_url}/as/ada/general")
    assert answer.headers["content-security-policy"].startswith("default-src 'self';")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "<script>" not in answer.text
    assert " style=" not in answer.text


def test_news_go_to_this_page_only(workspace: Workspace) -> None:
    address = workspace.base_url.replace("http", "ws") + "/live"
    with pytest.raises(InvalidStatus, match="403"), connect(address, origin=Origin("https://evil.example")):
        pass
    with connect(address, origin=Origin(workspace.base_url)) as socket:
        workspace.person("ada").say("#general", "news")
        assert int(socket.recv(timeout=5)) <= workspace.version


@pytest.mark.parametrize("path", ["/as/nobody", "/as/nobody/general", "/as/ada/nowhere", "/static/../page.py"])
def test_what_does_not_exist_is_not_found(workspace: Workspace, path: str) -> None:
    assert httpx.get(workspace.base_url + path).status_code == 404


def test_a_permalink_opens_as_whoever_read_it(workspace: Workspace) -> None:
    workspace.add_person("grace", "Grace Hopper")
    link = f"{workspace.base_url}/archives/C01GENERAL/p1790000000000100"
    came_from = {"Referer": f"{workspace.base_url}/as/grace/general"}
    assert httpx.get(link, headers=came_from).headers["location"] == "/as/grace/C01GENERAL?at=1790000000.000100"
    assert httpx.get(link).headers["location"] == "/as/ada/C01GENERAL?at=1790000000.000100"


def test_a_window_is_sent_only_what_changed(workspace: Workspace) -> None:
    place = f"{workspace.base_url}/as/ada/general"
    first = httpx.get(place + "/news", headers={"HX-Request": "true"}).text
    seen = {
        part.split('"')[0]: part.split('data-digest="')[1].split('"')[0] for part in first.split('hx-target="#')[1:]
    }
    known = {"HX-Request": "true", "X-Seen": str(seen).replace("'", '"')}
    assert httpx.get(place + "/news", headers=known).status_code == 204
    workspace.person("ada").say("#general", "news")
    changed = httpx.get(place + "/news", headers=known).text
    assert changed.count("<hx-partial") == 1
    assert 'hx-target="#messages"' in changed
