"""`webhook.Call` against a real server on loopback, one behaviour a test."""

import gzip
import json
import logging
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bot.errors import Misconfigured, PermanentError, TemporaryError
from bot.handler import Done, Outputs, Pending, Secret
from bot.handlers import webhook
from bot.handlers.webhook.wire import Message, Reach, Wire, address
from tests.integration.handler_contract import NOW, SECRETS, Surroundings
from tests.integration.receiver import Reaction, Receiver, answer


class Connection(Outputs):
    host: str
    port: int = 5432


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as running:
        yield running


@pytest.fixture
def elsewhere() -> Iterator[Receiver]:
    with Receiver().running() as running:
        yield running


@pytest.fixture
def handler() -> webhook.CallHandler:
    return webhook.CallHandler({"ALLOWED_PRIVATE_HOSTS": "127.0.0.1, localhost", "WEBHOOK_TIMEOUT": "5"})


@pytest.fixture
def impatient() -> webhook.CallHandler:
    return webhook.CallHandler({"ALLOWED_PRIVATE_HOSTS": "127.0.0.1", "WEBHOOK_TIMEOUT": "0.2"})


def call(url: str, **fields: Any) -> webhook.Call:
    return webhook.Call(url=url, **fields)


def permanent(handler: webhook.CallHandler, resource: webhook.Call, around: Surroundings | None = None) -> str:
    """The text of the permanent error that it must raise."""
    with pytest.raises(PermanentError) as caught:
        handler.apply(resource, (around or Surroundings()).context())
    return str(caught.value)


def temporary(handler: webhook.CallHandler, resource: webhook.Call) -> TemporaryError:
    with pytest.raises(TemporaryError) as caught:
        handler.apply(resource, Surroundings().context())
    return caught.value


class TestSending:
    def test_the_body_goes_out_as_json_with_the_operations_key(
        self, handler: webhook.CallHandler, receiver: Receiver
    ) -> None:
        url = receiver.script("/databases", answer(200))
        body = {"name": "Ørders \N{ELEPHANT}", "until": date(2027, 1, 2), "sizes": (1, 2.5)}
        handler.apply(call(url + "?team=a%20b", body=body, headers={"X-Team": "data"}), Surroundings().context())
        (arrival,) = receiver.arrivals
        assert (arrival.method, arrival.path) == ("POST", "/databases?team=a%20b")
        assert arrival.body == {"name": "Ørders \N{ELEPHANT}", "until": "2027-01-02", "sizes": [1, 2.5]}
        assert arrival.headers["idempotency-key"] == "REQ-1/step"
        assert arrival.headers["content-type"] == "application/json"
        assert arrival.headers["x-team"] == "data"
        assert arrival.headers["host"] == f"127.0.0.1:{receiver.port}"

    def test_the_key_stays_the_same_over_retries(self, handler: webhook.CallHandler, receiver: Receiver) -> None:
        url = receiver.script("/databases", answer(503), answer(500), answer(200))
        for _ in range(2):
            temporary(handler, call(url))
        assert handler.apply(call(url), Surroundings().context()) == Done()
        assert [arrival.headers["idempotency-key"] for arrival in receiver.arrivals] == ["REQ-1/step"] * 3

    def test_a_get_without_a_body_sends_none(self, handler: webhook.CallHandler, receiver: Receiver) -> None:
        handler.apply(call(receiver.script("/a", answer(200)), method="GET"), Surroundings().context())
        (arrival,) = receiver.arrivals
        assert arrival.body is None
        assert "content-type" not in arrival.headers

    def test_an_empty_body_of_a_post_is_an_empty_object(self, handler: webhook.CallHandler, receiver: Receiver) -> None:
        handler.apply(call(receiver.script("/a", answer(200))), Surroundings().context())
        assert receiver.arrivals[0].body == {}

    def test_an_author_may_choose_the_content_type(self, handler: webhook.CallHandler, receiver: Receiver) -> None:
        url = receiver.script("/a", answer(200))
        handler.apply(call(url, headers={"Content-Type": "application/vnd.x+json"}), Surroundings().context())
        assert receiver.arrivals[0].headers["content-type"] == "application/vnd.x+json"

    def test_proxies_of_the_environment_are_not_used(
        self, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, handler: webhook.CallHandler
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
        assert handler.apply(call(receiver.script("/a", answer(200))), Surroundings().context()) == Done()


class TestSecrets:
    def secretive(self, url: str) -> webhook.Call:
        body = {"name": "orders", "admin": [{"password": Secret("PASSWORD")}]}
        return call(url, headers={"Authorization": Secret("TOKEN")}, body=body)

    def test_they_are_filled_in_when_it_is_sent(self, handler: webhook.CallHandler, receiver: Receiver) -> None:
        handler.apply(self.secretive(receiver.script("/a", answer(200))), Surroundings().context())
        (arrival,) = receiver.arrivals
        assert arrival.headers["authorization"] == SECRETS["TOKEN"]
        assert arrival.body == {"name": "orders", "admin": [{"password": SECRETS["PASSWORD"]}]}

    def test_they_are_filled_in_after_being_stored_too(self, handler: webhook.CallHandler, receiver: Receiver) -> None:
        stored = self.secretive(receiver.script("/a", answer(200))).model_dump_json()
        handler.apply(webhook.Call.model_validate_json(stored), Surroundings().context())
        assert receiver.arrivals[0].body["admin"] == [{"password": SECRETS["PASSWORD"]}]

    def test_stored_they_are_markers_and_come_back_as_secrets(self) -> None:
        resource = self.secretive("https://example.com")
        stored = json.loads(resource.model_dump_json())
        assert stored["headers"] == {"Authorization": {"$secret": "TOKEN"}}
        assert stored["body"]["admin"] == [{"password": {"$secret": "PASSWORD"}}]
        assert webhook.Call.model_validate(stored) == resource
        assert webhook.Call.model_validate(resource.model_dump()) == resource

    def test_an_answer_that_looks_like_a_marker_stays_an_answer(
        self, handler: webhook.CallHandler, receiver: Receiver
    ) -> None:
        labels = {"$secret": "TOKEN"}  # as somebody might type it into a form
        resource = call(receiver.script("/a", answer(200)), body={"labels": labels, "key": Secret("PASSWORD")})
        handler.apply(webhook.Call.model_validate_json(resource.model_dump_json()), Surroundings().context())
        assert receiver.arrivals[0].body == {"labels": labels, "key": SECRETS["PASSWORD"]}

    def test_the_address_may_be_one_and_is_never_shown(
        self, handler: webhook.CallHandler, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(SECRETS, "HOOK", receiver.script("/hooks/hush", answer(200), answer(400)))
        resource = webhook.Call.model_validate_json(webhook.Call(url=Secret("HOOK")).model_dump_json())
        handler.apply(resource, Surroundings().context())
        assert receiver.arrivals[0].path == "/hooks/hush"
        told = permanent(handler, resource) + handler.plan(resource, Surroundings().context())
        assert "hush" not in told
        assert "hush" not in resource.model_dump_json()

    def test_an_address_that_is_none_is_refused_without_being_shown(
        self, handler: webhook.CallHandler, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(SECRETS, "HOOK", "hush")
        assert permanent(handler, webhook.Call(url=Secret("HOOK"))).startswith("The secret HOOK is no address to call")

    def test_those_of_undo_are_kept_apart(self) -> None:
        undo = call("https://example.com", body={"token": Secret("TOKEN")})
        resource = call("https://example.com", body={"token": "plain"}, undo=undo)
        assert webhook.Call.model_validate_json(resource.model_dump_json()) == resource

    @pytest.mark.parametrize("path", [["body", "name"], ["body", "none"], ["body", 0], ["body", "name", "x"]])
    def test_a_path_without_a_marker_is_refused(self, path: list[str | int]) -> None:
        stored = {"url": "https://example.com", "body": {"name": "orders"}, "secrets": [path]}
        with pytest.raises(ValidationError, match="no secret at"):
            webhook.Call.model_validate(stored)

    def test_an_unknown_one_is_permanent_and_nothing_is_sent(
        self, handler: webhook.CallHandler, receiver: Receiver
    ) -> None:
        url = receiver.script("/a", answer(200))
        assert "NOBODY" in permanent(handler, call(url, headers={"X-A": Secret("NOBODY")}))
        assert receiver.arrivals == []

    @pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 418, 422, 429, 500, 503, 299, 700])
    def test_no_error_and_no_log_says_them_nor_the_query(
        self, handler: webhook.CallHandler, receiver: Receiver, caplog: pytest.LogCaptureFixture, status: int
    ) -> None:
        caplog.set_level(logging.INFO)
        echo = json.dumps(SECRETS).encode()
        url = receiver.script("/a", Reaction(status, echo, {"Location": "https://other.example/?token=" + "q-t0ken"}))
        resource = self.secretive(url + "?token=q-t0ken").model_copy(update={"outputs": {"required": ["host"]}})
        with pytest.raises((PermanentError, TemporaryError)) as caught:
            handler.apply(resource, Surroundings().context())
        said = f"{caught.value} {caught.value.__cause__} {caplog.text}"
        assert not any(value in said for value in (*SECRETS.values(), "q-t0ken"))
        assert "token" not in handler.plan(resource, Surroundings().context())

    def test_a_line_break_at_its_end_is_dropped_and_within_it_is_refused(
        self, handler: webhook.CallHandler, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url = receiver.script("/a", answer(200))
        monkeypatch.setitem(SECRETS, "TOKEN", "abc\n")
        handler.apply(self.secretive(url), Surroundings().context())
        assert receiver.arrivals[0].headers["authorization"] == "abc"
        monkeypatch.setitem(SECRETS, "TOKEN", "abc\r\nX-Admin: yes")
        text = permanent(handler, self.secretive(url))
        assert "Authorization" in text
        assert "abc" not in text


class TestSuccess:
    @pytest.mark.parametrize("status", [200, 201, 202, 299])
    def test_an_object_becomes_outputs(self, handler: webhook.CallHandler, receiver: Receiver, status: int) -> None:
        url = receiver.script("/a", answer(status, {"host": "db-1", "n": [1, None]}))
        assert handler.apply(call(url), Surroundings().context()) == Done(outputs={"host": "db-1", "n": [1, None]})

    @pytest.mark.parametrize(
        "content",
        [b"", b"created", b"[1]", b'"text"', b'{"a": NaN}', b'{"a": "\\ud800"}', b"[" * 9999, b'{"a": 1', b"\xff"],
    )
    def test_anything_else_is_done_without_outputs(
        self, handler: webhook.CallHandler, receiver: Receiver, content: bytes
    ) -> None:
        url = receiver.script("/a", answer(200, content))
        assert handler.apply(call(url), Surroundings().context()) == Done()

    def test_nothing_but_what_was_promised_is_kept(self, handler: webhook.CallHandler, receiver: Receiver) -> None:
        url = receiver.script("/a", answer(200, {"host": "db-1", "password": "x"}))
        assert handler.apply(call(url, outputs=Connection), Surroundings().context()) == Done(outputs={"host": "db-1"})

    def test_a_schema_without_properties_keeps_all(self, handler: webhook.CallHandler, receiver: Receiver) -> None:
        url = receiver.script("/a", answer(200, {"host": "db-1"}))
        done = handler.apply(call(url, outputs={"type": "object"}), Surroundings().context())
        assert done == Done(outputs={"host": "db-1"})

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"not JSON", "host"),
            (b"{}", "host"),
            (b'{"port": 1}', "host"),
            (b'{"host": "a", "port": "hunter-2"}', "port: not type 'integer'"),
            (b'{"host": ["hunter-2"]}', "host: not type 'string'"),
        ],
    )
    def test_a_broken_promise_is_permanent_and_names_the_field_not_the_value(
        self, handler: webhook.CallHandler, receiver: Receiver, content: bytes, said: str
    ) -> None:
        text = permanent(handler, call(receiver.script("/a", answer(200, content)), outputs=Connection))
        assert said in text
        assert "hunter" not in text

    def test_a_schema_that_refers_to_the_network_fetches_nothing(
        self, handler: webhook.CallHandler, receiver: Receiver
    ) -> None:
        url = receiver.script("/a", answer(200, {"host": "a"}))
        schema = {"properties": {"host": {"$ref": receiver.url("/schema")}}}
        assert "refers to http" in permanent(handler, call(url, outputs=schema))
        assert [arrival.path for arrival in receiver.arrivals] == ["/a"]

    def test_a_body_of_10_megabytes_is_refused(self, handler: webhook.CallHandler, receiver: Receiver) -> None:
        url = receiver.script("/a", answer(200, b" " * 10_000_000))
        assert "longer than 1,048,576 bytes" in permanent(handler, call(url))

    def test_a_body_of_10_megabytes_in_an_error_is_not_read(
        self, handler: webhook.CallHandler, receiver: Receiver
    ) -> None:
        assert "answered 500" in str(temporary(handler, call(receiver.script("/a", answer(500, b" " * 10_000_000)))))

    def test_a_compressed_body_is_neither_wanted_nor_unpacked(
        self, handler: webhook.CallHandler, receiver: Receiver
    ) -> None:
        url = receiver.script("/a", answer(200, gzip.compress(b" " * 9_000_000), content_encoding="gzip"))
        assert handler.apply(call(url), Surroundings().context()) == Done()
        assert receiver.arrivals[0].headers["accept-encoding"] == "identity"


class TestPolling:
    def test_a_location_is_asked_until_it_answers_something_else_than_202(
        self, handler: webhook.CallHandler, receiver: Receiver
    ) -> None:
        url = receiver.script("/databases", answer(202, location="/operations/7?sig=1"))
        receiver.script("/operations/7", answer(202), answer(202), answer(200, {"host": "db-1"}))
        around, resource = Surroundings(), call(url, headers={"X-Team": "data"}, outputs=Connection)
        for _ in range(3):
            pending = around.keep(handler.apply(resource, around.context()))
            assert isinstance(pending, Pending)
            assert around.state["location"] == receiver.url("/operations/7?sig=1")
        assert around.keep(handler.apply(resource, around.context())) == Done(outputs={"host": "db-1"})
        assert [arrival.method for arrival in receiver.arrivals] == ["POST", "GET", "GET", "GET"]
        assert {arrival.headers["x-team"] for arrival in receiver.arrivals} == {"data"}
        assert around.state == {}

    def test_looks_come_further_apart_unless_the_receiver_says_when(
        self, handler: webhook.CallHandler, receiver: Receiver
    ) -> None:
        url = receiver.script("/a", answer(202, location="/b"))
        receiver.script("/b", *[answer(202)] * 8, answer(202, retry_after="17"))
        around, delays = Surroundings(), []
        for _ in range(10):
            pending = around.keep(handler.apply(call(url), around.context()))
            assert isinstance(pending, Pending)
            delays.append(pending.delay)
        assert delays == [1, 2, 4, 8, 16, 32, 60, 60, 60, 17]

    def test_a_location_may_move_on_the_same_host(self, handler: webhook.CallHandler, receiver: Receiver) -> None:
        url = receiver.script("/a", answer(202, location="/b"))
        receiver.script("/b", answer(303, location="/c"))
        receiver.script("/c", answer(200, {"host": "db-1"}))
        around = Surroundings()
        around.keep(handler.apply(call(url), around.context()))
        assert handler.apply(call(url), around.context()) == Done(outputs={"host": "db-1"})

    def test_a_location_on_another_host_is_permanent(
        self, handler: webhook.CallHandler, receiver: Receiver, elsewhere: Receiver
    ) -> None:
        url = receiver.script("/a", answer(202, location=elsewhere.url("/b")))
        assert "points to another host" in permanent(handler, call(url))
        assert elsewhere.arrivals == []

    def test_a_location_that_is_busy_is_asked_again(self, handler: webhook.CallHandler, receiver: Receiver) -> None:
        url = receiver.script("/a", answer(202, location="/b"))
        receiver.script("/b", answer(503), answer(200))
        around = Surroundings()
        around.keep(handler.apply(call(url), around.context()))
        with pytest.raises(TemporaryError):
            handler.apply(call(url), around.context())
        assert handler.apply(call(url), around.context()) == Done()
        assert [arrival.path for arrival in receiver.arrivals] == ["/a", "/b", "/b"]

    def test_after_a_location_that_failed_a_retry_sends_the_call_again(
        self, handler: webhook.CallHandler, receiver: Receiver
    ) -> None:
        url = receiver.script("/a", answer(202, location="/b"), answer(200, {"host": "db-2"}))
        receiver.script("/b", answer(404))
        around = Surroundings()
        around.keep(handler.apply(call(url), around.context()))
        assert "GET" in permanent(handler, call(url), around)
        assert handler.apply(call(url), around.context()) == Done(outputs={"host": "db-2"})

    def test_another_operation_does_not_ask_where_an_earlier_one_left_off(
        self, handler: webhook.CallHandler, receiver: Receiver
    ) -> None:
        url = receiver.script("/a", answer(202, location="/b"), answer(200))
        around = Surroundings()
        around.keep(handler.apply(call(url), around.context("REQ-1/step")))
        assert handler.apply(call(url), around.context("REQ-2/step")) == Done()
        assert [arrival.method for arrival in receiver.arrivals] == ["POST", "POST"]


class TestTryingAgain:
    @pytest.mark.parametrize("status", [408, 425, 429, 500, 501, 502, 503, 504, 599])
    def test_these_are_temporary(self, handler: webhook.CallHandler, receiver: Receiver, status: int) -> None:
        error = temporary(handler, call(receiver.script("/a", answer(status))))
        assert f"POST {receiver.url('/a')}: answered {status}" in str(error)
        assert error.delay is None

    @pytest.mark.parametrize(
        ("text", "delay"),
        [
            ("120", 120),
            ("0", 1),
            ("999999", 3600),
            (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
            (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 1),
            ((NOW + timedelta(seconds=30)).strftime("%a, %d %b %Y %H:%M:%S"), 30),
            ("soon", None),
            ("-5", None),
            ("1.5", None),
            ("9" * 5000, None),
            ("", None),
        ],
    )
    def test_retry_after_is_seconds_or_a_date_and_held_to_an_hour(
        self, handler: webhook.CallHandler, receiver: Receiver, text: str, delay: float | None
    ) -> None:
        assert temporary(handler, call(receiver.script("/a", answer(429, retry_after=text)))).delay == delay

    def test_a_receiver_that_never_answers_is_left_in_time(
        self, impatient: webhook.CallHandler, receiver: Receiver
    ) -> None:
        url = receiver.script("/a", Reaction(before=hang(receiver)))
        assert "no answer within 0.2 seconds" in str(temporary(impatient, call(url)))

    def test_a_receiver_that_drips_is_left_in_time(self, impatient: webhook.CallHandler, receiver: Receiver) -> None:
        url = receiver.script("/a", Reaction(before=drip(receiver)))
        assert "no answer within 0.2 seconds" in str(temporary(impatient, call(url)))

    @pytest.mark.parametrize(
        "said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", b"SSH-2.0-hunter-2\r\n\r\n"]
    )
    def test_a_line_that_is_cut_or_is_not_http_is_temporary(
        self, handler: webhook.CallHandler, receiver: Receiver, said: bytes
    ) -> None:
        error = temporary(handler, call(receiver.script("/a", Reaction(before=cut_after(said)))))
        assert "the line was cut" in str(error)
        assert "hunter" not in str(error)

    def test_a_port_where_nobody_listens_is_temporary(self, handler: webhook.CallHandler) -> None:
        with socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{reserved.getsockname()[1]}/"
            assert "no connection" in str(temporary(handler, call(url)))

    def test_a_name_that_is_not_found_is_temporary(self, handler: webhook.CallHandler) -> None:
        assert "nobody.invalid cannot be found" in str(temporary(handler, call("https://nobody.invalid/a")))


def hang(receiver: Receiver) -> Callable[[BaseHTTPRequestHandler], None]:
    def wait(_: BaseHTTPRequestHandler) -> None:
        receiver.closing.wait()

    return wait


def drip(receiver: Receiver) -> Callable[[BaseHTTPRequestHandler], None]:
    def one_by_one(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not receiver.closing.wait(0.02):
            request.wfile.write(b"X-More: 1\r\n")

    return one_by_one


def cut_after(said: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    def cut(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(said)
        raise ConnectionAbortedError

    return cut


class TestRefusals:
    @pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 418, 422, 451, 300, 304])
    def test_these_are_permanent(self, handler: webhook.CallHandler, receiver: Receiver, status: int) -> None:
        text = permanent(handler, call(receiver.script("/a", answer(status))))
        assert f"POST {receiver.url('/a')}: answered {status}" in text


class TestRedirects:
    @pytest.mark.parametrize("status", [307, 308])
    def test_the_same_message_goes_to_the_same_host_again(
        self, handler: webhook.CallHandler, receiver: Receiver, status: int
    ) -> None:
        url = receiver.script("/a", answer(status, location="b?x=1"))
        receiver.script("/b", answer(200, {"host": "db-1"}))
        resource = call(url, body={"name": "orders"}, headers={"X-Team": "data"})
        assert handler.apply(resource, Surroundings().context()) == Done(outputs={"host": "db-1"})
        first, second = receiver.arrivals
        assert (second.method, second.path, second.body) == ("POST", "/b?x=1", first.body)
        assert second.headers == first.headers

    @pytest.mark.parametrize("status", [301, 302, 303])
    def test_one_that_could_turn_a_post_into_a_get_is_permanent(
        self, handler: webhook.CallHandler, receiver: Receiver, status: int
    ) -> None:
        url = receiver.script("/a", answer(status, location="/b"))
        assert "only GET can follow" in permanent(handler, call(url))
        assert [arrival.path for arrival in receiver.arrivals] == ["/a"]

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_get_follows_each(self, handler: webhook.CallHandler, receiver: Receiver, status: int) -> None:
        url = receiver.script("/a", answer(status, location="/b"))
        receiver.script("/b", answer(200, {"host": "db-1"}))
        done = handler.apply(call(url, method="GET"), Surroundings().context())
        assert done == Done(outputs={"host": "db-1"})

    @pytest.mark.parametrize("status", [301, 307, 308])
    def test_another_host_is_permanent_and_never_called(
        self, handler: webhook.CallHandler, receiver: Receiver, elsewhere: Receiver, status: int
    ) -> None:
        for target in (elsewhere.url("/b?token=1"), receiver.url("/b", host="localhost"), "//127.0.0.2/b"):
            url = receiver.script("/a", answer(status, location=target))
            text = permanent(handler, call(url, headers={"Authorization": Secret("TOKEN")}))
            assert "points to another host" in text
            assert "token" not in text
        assert elsewhere.arrivals == []
        assert {arrival.path for arrival in receiver.arrivals} == {"/a"}

    @pytest.mark.parametrize(
        "target", ["ftp://127.0.0.1/", "http://a:b@127.0.0.1/", "http://127.0.0.1:99999", "file:///etc"]
    )
    def test_a_useless_location_is_permanent(
        self, handler: webhook.CallHandler, receiver: Receiver, target: str
    ) -> None:
        url = receiver.script("/a", answer(307, location=target))
        assert "useless Location" in permanent(handler, call(url))

    def test_one_without_a_location_is_permanent(self, handler: webhook.CallHandler, receiver: Receiver) -> None:
        assert "answered 307" in permanent(handler, call(receiver.script("/a", answer(307))))

    def test_a_circle_is_permanent(self, handler: webhook.CallHandler, receiver: Receiver) -> None:
        url = receiver.script("/a", answer(307, location="/a"))
        assert "more than 5 times" in permanent(handler, call(url))


class TestPrivateAddresses:
    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0.0.0.0"]
    )
    def test_loopback_by_any_name_is_refused_unless_allowed(self, receiver: Receiver, host: str) -> None:
        receiver.script("/a", answer(200))
        text = permanent(webhook.CallHandler({}), call(receiver.url("/a", host=host)))
        assert "private address" in text
        assert "ALLOWED_PRIVATE_HOSTS" in text
        assert receiver.arrivals == []

    @pytest.mark.parametrize(
        "allowed", ["localhost", "LocalHost", "10.0.0.0/8, localhost", "127.0.0.0/8", " 127.0.0.1 ,"]
    )
    def test_a_host_or_its_network_may_be_allowed(self, receiver: Receiver, allowed: str) -> None:
        receiver.script("/a", answer(200))
        handler = webhook.CallHandler({"ALLOWED_PRIVATE_HOSTS": allowed})
        assert handler.apply(call(receiver.url("/a", host="localhost")), Surroundings().context()) == Done()

    @pytest.mark.parametrize("allowed", ["127.0.0.1:8000", "http://localhost", "*.internal", "10.0.0.1/8"])
    def test_what_is_neither_a_host_nor_a_network_stops_the_boot(self, allowed: str) -> None:
        with pytest.raises(Misconfigured, match="ALLOWED_PRIVATE_HOSTS"):
            webhook.CallHandler({"ALLOWED_PRIVATE_HOSTS": allowed})

    @pytest.mark.parametrize(
        "place",
        [
            "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "127.8.8.8", "0.0.0.0", "224.0.0.1",
            "255.255.255.255", "240.0.0.1", "198.18.0.1", "::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fd00::1",
            "ff02::1", "::ffff:10.0.0.1", "2002:7f00:1::", "2001:0:7f00:1::", "64:ff9b::7f00:1", "64:ff9b:1::1",
        ],
    )  # fmt: skip
    def test_what_is_not_public_is_not_reached(self, place: str) -> None:
        assert not Reach().allows("name.example", ip_address(place))

    @pytest.mark.parametrize("place", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
    def test_what_is_public_is_reached(self, place: str) -> None:
        assert Reach().allows("name.example", ip_address(place))

    def test_a_mapped_address_is_in_the_network_of_its_ipv4_address(self) -> None:
        assert Reach.parse("10.0.0.0/8").allows("a.example", ip_address("::ffff:10.0.0.1"))
        assert not Reach.parse("10.0.0.0/8, fd00::/8").allows("a.example", ip_address("192.168.0.1"))

    def test_the_address_that_was_checked_is_the_one_that_is_called(
        self, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A name server that says a harmless address first and loopback afterwards gets nothing."""
        receiver.script("/a", answer(200))
        asked: list[str] = []
        real = socket.getaddrinfo

        def rebinding(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
            if host != "rebinding.example":
                return real(host, port, *args, **kwargs)
            asked.append(host)
            return real("127.0.0.1" if len(asked) == 1 else "127.0.0.2", port, *args, **kwargs)

        monkeypatch.setattr(socket, "getaddrinfo", rebinding)
        handler = webhook.CallHandler({"ALLOWED_PRIVATE_HOSTS": "127.0.0.1"})
        assert handler.apply(call(receiver.url("/a", host="rebinding.example")), Surroundings().context()) == Done()
        assert asked == ["rebinding.example"]
        assert receiver.arrivals[0].headers["host"] == f"rebinding.example:{receiver.port}"

    def test_of_several_addresses_the_next_is_tried_and_private_ones_are_left_out(
        self, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        receiver.script("/a", answer(200))
        real = socket.getaddrinfo

        def several(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
            if host != "several.example":
                return real(host, port, *args, **kwargs)
            return [
                info for place in ("127.0.0.3", "127.0.0.2", "127.0.0.1") for info in real(place, port, *args, **kwargs)
            ]

        monkeypatch.setattr(socket, "getaddrinfo", several)
        handler = webhook.CallHandler({"ALLOWED_PRIVATE_HOSTS": "127.0.0.1, 127.0.0.2"})
        assert handler.apply(call(receiver.url("/a", host="several.example")), Surroundings().context()) == Done()


class TestTls:
    @pytest.fixture
    def certificate(self, tmp_path: Path) -> Path:
        """For the name `localhost` only, with its key, in one file."""
        command = (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
        )
        files = ["-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"]
        try:
            subprocess.run([*command.split(), *files], cwd=tmp_path, check=True, capture_output=True)
        except FileNotFoundError:
            pytest.skip("needs the openssl command")
        both = tmp_path / "both.pem"
        both.write_text((tmp_path / "key.pem").read_text() + (tmp_path / "cert.pem").read_text())
        return both

    @pytest.fixture
    def server(self, certificate: Path) -> Iterator[Receiver]:
        receiver = Receiver()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        receiver.wrap(tls)
        with receiver.running():
            receiver.script("/a", answer(200, {"host": "db-1"}))
            yield receiver

    def test_the_name_is_verified_although_the_address_is_called(self, server: Receiver, certificate: Path) -> None:
        wire = Wire(Reach.parse("127.0.0.1"), 5, ssl.create_default_context(cafile=certificate))
        reply = wire.send(Message("GET", address(f"https://localhost:{server.port}/a"), {}))
        assert reply.status == 200
        with pytest.raises(TemporaryError, match="CERTIFICATE_VERIFY_FAILED"):
            wire.send(Message("GET", address(f"https://127.0.0.1:{server.port}/a"), {}))

    def test_a_certificate_that_nobody_vouches_for_is_refused(self, server: Receiver) -> None:
        handler = webhook.CallHandler({"ALLOWED_PRIVATE_HOSTS": "localhost"})
        assert "certificate" in str(temporary(handler, call(f"https://localhost:{server.port}/a")))
        assert server.arrivals == []


class TestTakingBack:
    def test_without_undo_nothing_is_sent(self, handler: webhook.CallHandler, receiver: Receiver) -> None:
        url = receiver.script("/a", answer(200))
        assert handler.delete(call(url), Surroundings().context("REQ-2/step")) == Done()
        assert receiver.arrivals == []

    def test_undo_is_sent_with_the_key_of_its_own_operation(
        self, handler: webhook.CallHandler, receiver: Receiver
    ) -> None:
        undo = call(receiver.script("/a", answer(204)), method="DELETE")
        resource = call(receiver.url("/a"), undo=undo)
        assert handler.delete(resource, Surroundings().context("REQ-2/step")) == Done()
        (arrival,) = receiver.arrivals
        assert (arrival.method, arrival.headers["idempotency-key"]) == ("DELETE", "REQ-2/step")

    @pytest.mark.parametrize("status", [404, 410])
    def test_what_is_not_there_is_gone(self, handler: webhook.CallHandler, receiver: Receiver, status: int) -> None:
        resource = call(receiver.url("/a"), undo=call(receiver.script("/a", answer(status)), method="DELETE"))
        assert handler.delete(resource, Surroundings().context("REQ-2/step")) == Done()

    def test_undo_fails_like_any_call(self, handler: webhook.CallHandler, receiver: Receiver) -> None:
        resource = call(receiver.url("/a"), undo=call(receiver.script("/a", answer(409), answer(503))))
        with pytest.raises(PermanentError):
            handler.delete(resource, Surroundings().context("REQ-2/step"))
        with pytest.raises(TemporaryError):
            handler.delete(resource, Surroundings().context("REQ-2/step"))

    def test_undo_is_sent_even_if_the_call_itself_was_still_under_way(
        self, handler: webhook.CallHandler, receiver: Receiver
    ) -> None:
        undo = call(receiver.script("/undo", answer(202, location="/undoing")))
        receiver.script("/undoing", answer(202), answer(200))
        resource = call(receiver.script("/a", answer(202, location="/doing")), undo=undo)
        around = Surroundings()
        around.keep(handler.apply(resource, around.context("REQ-1/step")))
        for _ in range(2):
            around.keep(handler.delete(resource, around.context("REQ-2/step")))
        assert handler.delete(resource, around.context("REQ-2/step")) == Done()
        assert [arrival.path for arrival in receiver.arrivals] == ["/a", "/undo", "/undoing", "/undoing"]


class TestWriting:
    @pytest.mark.parametrize(
        "fields",
        [
            {"url": "ftp://example.com"},
            {"url": "example.com/a"},
            {"url": "https://"},
            {"url": "https://user:pass@example.com"},
            {"url": "https://example.com/a\nb"},
            {"url": "https://example.com:99999"},
            {"method": "TRACE"},
            {"headers": {"Idempotency-Key": "mine"}},
            {"headers": {"host": "other.example"}},
            {"headers": {"Transfer-Encoding": "chunked"}},
            {"headers": {"X Y": "a"}},
            {"headers": {"X\r\nY": "a"}},
            {"headers": {"X": {"name": "TOKEN"}}},
            {"headers": {"X": {"$secret": "TOKEN"}}},
            {"body": {"n": float("nan")}},
            {"body": {"n": [float("inf")]}},
            {"body": ["a"]},
            {"outputs": str},
            {"undo": "https://example.com"},
            {"retries": 3},
        ],
    )
    def test_a_call_that_cannot_be_sent_is_refused_when_it_is_built(self, fields: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            webhook.Call(**{"url": "https://example.com", **fields})

    def test_its_plan_says_what_is_called_and_with_which_members(self, handler: webhook.CallHandler) -> None:
        resource = call("https://example.com/a?token=1", method="PUT", body={"name": "orders", "key": Secret("TOKEN")})
        assert handler.plan(resource, Surroundings().context()) == "Calls PUT https://example.com/a with name, key"
        assert handler.plan(call("https://example.com"), Surroundings().context()) == "Calls POST https://example.com"

    @pytest.mark.parametrize("seconds", ["0", "-1", "soon", "1e9", "nan"])
    def test_a_timeout_that_is_no_time_stops_the_boot(self, seconds: str) -> None:
        with pytest.raises(Misconfigured, match="WEBHOOK_TIMEOUT"):
            webhook.CallHandler({"WEBHOOK_TIMEOUT": seconds})

    def test_a_message_is_never_printed_with_its_headers(self) -> None:
        message = Message(
            "POST", address("https://example.com/a?token=1"), {"authorization": "t0p-s3cret"}, b"hunter-2"
        )
        assert repr(message) == "<POST https://example.com/a>"
