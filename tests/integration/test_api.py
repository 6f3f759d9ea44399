"""The HTTP door over real HTTP: the story, and everything that is refused."""

import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from bot import api
from bot import catalogue as catalogues
from bot.people import Groups, NoDirectory
from bot.service import Service
from tests.conftest import ROOT
from tests.integration.http_desk import HttpDesk, http_desk

REQUESTS = "/v1/offerings/database/requests"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[HttpDesk]:
    with http_desk(tmp_path) as served:
        yield served


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Ada, for what changes nothing: one desk for all of it."""
    with http_desk(tmp_path_factory.mktemp("refused")) as served:
        yield served.client("ada")


@pytest.fixture
def ada(served: HttpDesk) -> httpx.Client:
    return served.client("ada")


@pytest.fixture
def grace(served: HttpDesk) -> httpx.Client:
    return served.client("grace")


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The body of a refusal, whose shape is checked."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "errors"}
    assert body["status"] == status
    return body


def errors(answer: httpx.Response) -> dict[str, str]:
    return {each["pointer"]: each["detail"] for each in problem(answer, 422)["errors"]}


def ask(client: httpx.Client, **form: Any) -> str:
    answer = client.post(REQUESTS, json={"form": {"name": "orders"} | form})
    assert answer.status_code == 201, answer.text
    number: str = answer.json()["id"]
    return number


def fulfil(served: HttpDesk) -> dict[str, Any]:
    number = ask(served.client("ada"))
    assert served.client("grace").post(f"/v1/requests/{number}/approve").status_code == 200
    served.desk.work()
    path = f"/v1/requests/{number}/steps/create/complete"
    assert served.client("margaret").post(path, json={"outputs": {"host": "db1"}}).status_code == 200
    served.desk.work()
    record: dict[str, Any] = served.client("ada").get(f"/v1/requests/{number}").json()
    return record


# The story


def test_a_request_goes_the_whole_way_and_its_instance_is_deleted(served: HttpDesk, ada: httpx.Client) -> None:
    grace = served.client("grace")
    answer = ada.post(REQUESTS, json={"form": {"name": "orders"}, "reason": "for the shop"})
    assert (answer.status_code, answer.headers["location"]) == (201, "/v1/requests/REQ-1")
    record = answer.json()
    assert record["form"]["size"] == "small"
    assert record["state"] == "awaiting_approval"
    assert record["rules"] == [{"who": ["@dba"], "count": 1, "requester_may": False}]
    assert record["requester"]["email"] == "ada@example.com"
    assert record["created_at"].endswith("Z")

    waiting = grace.get("/v1/requests", params={"waiting_for_me": True}).json()
    assert [each["id"] for each in waiting["items"]] == ["REQ-1"]
    approved = grace.post("/v1/requests/REQ-1/approve", json={"reason": "fine", "revision": record["revision"]})
    assert approved.json()["decisions"][0]["by"]["email"] == "grace@example.com"
    served.desk.work()

    step = ada.get("/v1/requests/REQ-1").json()["steps"][0]
    assert (step["name"], step["state"]) == ("create", "pending")
    assert step["ask"]["group"] == "@data-platform"
    assert step["ask"]["instructions"] == "Create orders"
    assert "host" in step["ask"]["outputs"]["properties"]
    done = grace.post("/v1/requests/REQ-1/steps/create/complete", json={"outputs": {"host": "db1"}})
    assert done.status_code == 200
    served.desk.work()

    record = ada.get("/v1/requests/REQ-1").json()
    assert (record["state"], record["outputs"]) == ("fulfilled", {"host": "db1", "port": 5432})
    assert record["events"][0]["name"] == "submitted"
    instances = ada.get("/v1/instances").json()
    assert [(each["id"], each["state"], each["outputs"]) for each in instances["items"]] == [
        (record["instance"], "ready", {"host": "db1", "port": 5432})
    ]

    deletion = ada.delete("/v1/instances/INS-1", params={"reason": "not needed"})
    assert deletion.status_code == 202
    assert (deletion.json()["kind"], deletion.json()["reason"]) == ("delete", "not needed")
    assert ada.get("/v1/instances/INS-1").json()["open_request"] == "REQ-2"
    assert "REQ-2" in problem(ada.delete("/v1/instances/INS-1"), 409)["detail"]
    assert grace.post("/v1/requests/REQ-2/approve").status_code == 200
    served.desk.work()
    assert grace.post("/v1/requests/REQ-2/steps/create/complete").status_code == 200
    served.desk.work()
    assert ada.get("/v1/instances/INS-1").json()["state"] == "deleted"


def test_an_instance_is_changed_by_a_patch_of_its_answers(served: HttpDesk, ada: httpx.Client) -> None:
    grace = served.client("grace")
    ada.post(REQUESTS, json={"form": {"name": "orders"}})
    grace.post("/v1/requests/REQ-1/approve")
    served.desk.work()
    grace.post("/v1/requests/REQ-1/steps/create/complete", json={"outputs": {"host": "db1"}})
    served.desk.work()

    wrong = problem(ada.patch("/v1/instances/INS-1", json={"form": {"size": "huge"}}), 422)
    assert [each["pointer"] for each in wrong["errors"]] == ["/form/size"]
    headers = {"Idempotency-Key": "grow"}
    answer = ada.patch("/v1/instances/INS-1", json={"form": {"size": "large"}, "reason": "more"}, headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (202, "/v1/requests/REQ-2")
    record = answer.json()
    assert (record["kind"], record["form"]["size"], record["before"]["size"]) == ("update", "large", "small")
    again = ada.patch("/v1/instances/INS-1", json={"form": {"size": "large"}, "reason": "more"}, headers=headers)
    assert again.json()["id"] == "REQ-2"
    grace.post("/v1/requests/REQ-2/approve")
    served.desk.work()
    instance = ada.get("/v1/instances/INS-1").json()
    assert (instance["state"], instance["form"]["size"]) == ("ready", "large"), "its task is the same for all sizes"
    assert "already" in problem(ada.patch("/v1/instances/INS-1", json={"form": {}}), 409)["detail"]
    problem(served.client("stranger").patch("/v1/instances/INS-1", json={"form": {}}), 404)


def test_the_same_key_and_body_give_the_same_request_and_another_body_is_refused(ada: httpx.Client) -> None:
    key = {"Idempotency-Key": "once"}
    first = ada.post(REQUESTS, json={"form": {"name": "orders"}}, headers=key)
    again = ada.post(REQUESTS, json={"form": {"name": "orders"}}, headers=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    other = ada.post(REQUESTS, json={"form": {"name": "other"}}, headers=key)
    assert "became REQ-1" in problem(other, 422)["detail"]


def test_a_key_belongs_to_the_person_who_used_it(served: HttpDesk, ada: httpx.Client) -> None:
    key = {"Idempotency-Key": "once"}
    body = {"form": {"name": "orders"}}
    numbers = {client.post(REQUESTS, json=body, headers=key).json()["id"] for client in (ada, served.client("linus"))}
    assert len(numbers) == 2


def test_requests_are_listed_in_pages_by_state_and_by_person(served: HttpDesk, ada: httpx.Client) -> None:
    numbers = [ask(ada, name=f"orders-{n}") for n in range(5)]
    ada.post(f"/v1/requests/{numbers[0]}/withdraw")
    seen: list[str] = []
    cursor = None
    while True:
        page = ada.get("/v1/requests", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen += [each["id"] for each in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == numbers[::-1]
    withdrawn = ada.get("/v1/requests", params={"state": "withdrawn", "mine": True}).json()["items"]
    assert [each["id"] for each in withdrawn] == [numbers[0]]
    assert served.client("linus").get("/v1/requests", params={"mine": True}).json()["items"] == []
    assert ada.get("/v1/requests", params={"offering": "seat"}).json() == {"items": [], "next": None}
    first = served.client("grace").get("/v1/requests", params={"waiting_for_me": True, "limit": 3}).json()
    rest = served.client("grace").get("/v1/requests", params={"waiting_for_me": True, "cursor": first["next"]}).json()
    assert [each["id"] for each in first["items"] + rest["items"]] == numbers[1:]
    assert rest["next"] is None


def test_an_edit_makes_decisions_about_the_older_answers_stale(ada: httpx.Client, grace: httpx.Client) -> None:
    number = ask(ada)
    edited = ada.patch(f"/v1/requests/{number}", json={"form": {"name": "orders", "size": "large"}}).json()
    assert (edited["form"]["size"], edited["revision"]) == ("large", 2)
    stale = grace.post(f"/v1/requests/{number}/approve", json={"revision": 1})
    assert "edited since you looked" in problem(stale, 409)["detail"]
    assert errors(ada.patch(f"/v1/requests/{number}", json={"form": {"name": "A"}})).keys() == {"/form/name"}


def test_a_failed_step_is_retried(served: HttpDesk, ada: httpx.Client, grace: httpx.Client) -> None:
    number = ask(ada)
    grace.post(f"/v1/requests/{number}/approve")
    served.desk.work()
    step = f"/v1/requests/{number}/steps/create"
    assert errors(grace.post(f"{step}/refuse", json={})) == {"/reason": "Required."}
    assert grace.post(f"{step}/refuse", json={"reason": "no room"}).json()["state"] == "failed"
    assert "looked after by" in problem(ada.post(f"/v1/requests/{number}/retry"), 403)["detail"]
    assert grace.post(f"/v1/requests/{number}/retry").json()["state"] == "fulfilling"
    served.desk.work()
    assert ada.post(f"/v1/requests/{number}/cancel", json={"reason": "too late"}).json()["state"] == "cancelled"


def test_the_catalogue_tells_names_owners_and_contracts(ada: httpx.Client) -> None:
    items = ada.get("/v1/offerings").json()["items"]
    assert [(each["name"], each["owner"], each["usual_seconds"]) for each in items] == [
        ("database", "@data-platform", None),
        ("seat", "@data-platform", None),
    ]
    shown = ada.get("/v1/offerings/database").json()
    assert shown["form"]["properties"]["name"]["pattern"] == "^[a-z][a-z0-9-]{2,30}$"
    assert "host" in shown["outputs"]["properties"]
    assert "There is: database, seat." in problem(ada.get("/v1/offerings/databse"), 404)["detail"]


def test_a_plan_touches_nothing(ada: httpx.Client) -> None:
    plan = ada.post("/v1/offerings/database/plan", json={"form": {"name": "orders"}}).json()
    assert plan["items"][0]["resource"]["instructions"] == "Create orders"
    assert ada.get("/v1/requests").json()["items"] == []
    assert errors(ada.post("/v1/offerings/database/plan", json={"form": {}})).keys() == {"/form/name"}


# Who may what


def test_nobody_approves_their_own_request(grace: httpx.Client) -> None:
    answer = grace.post(f"/v1/requests/{ask(grace)}/approve")
    assert "You asked for REQ-1 yourself" in problem(answer, 403)["detail"]


def test_somebody_elses_request_reads_like_an_unknown_one(served: HttpDesk, ada: httpx.Client) -> None:
    number = ask(ada)
    stranger = served.client("mallory")
    theirs, unknown = stranger.get(f"/v1/requests/{number}"), stranger.get("/v1/requests/REQ-999")
    assert problem(theirs, 404)["detail"].replace(number, "REQ-999") == problem(unknown, 404)["detail"]
    for action in ("approve", "reject", "withdraw", "cancel", "retry"):
        problem(stranger.post(f"/v1/requests/{number}/{action}", json={"reason": "because"}), 404)
    fulfilled = fulfil(served)
    problem(stranger.get(f"/v1/instances/{fulfilled['instance']}"), 404)
    problem(stranger.delete(f"/v1/instances/{fulfilled['instance']}"), 404)


@pytest.mark.parametrize("number", ["REQ-0", "REQ--1", "x", "REQ-" + "9" * 30, "%00", "REQ-1%2F..", "\uff19"])
def test_numbers_that_are_none_are_not_found(refused: httpx.Client, number: str) -> None:
    problem(refused.get(f"/v1/requests/{number}"), 404)


def test_a_decision_comes_too_late_once_only(ada: httpx.Client, grace: httpx.Client) -> None:
    number = ask(ada)
    assert errors(grace.post(f"/v1/requests/{number}/reject")) == {"/reason": "Say why: the requester reads it."}
    assert grace.post(f"/v1/requests/{number}/reject", json={"reason": "no room"}).json()["state"] == "rejected"
    assert "was rejected" in problem(grace.post(f"/v1/requests/{number}/approve"), 409)["detail"]


def test_a_token_has_to_be_there_right_and_not_revoked(served: HttpDesk, ada: httpx.Client) -> None:
    nobody = served.client("")
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer"},
    ):
        answer = nobody.get("/v1/requests", headers=headers)
        assert problem(answer, 401)["detail"]
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert nobody.get("/v1/requests", headers=[(b"authorization", b"Bearer \xff\xfe")]).status_code == 401
    assert ada.get("/v1/requests").status_code == 200
    assert served.desk.service.revoke_tokens("ada@example.com") == 1
    assert "revoked" in problem(ada.get("/v1/requests"), 401)["detail"]


def test_somebody_without_a_token_learns_nothing_from_a_wrong_body(served: HttpDesk) -> None:
    problem(served.client("").post(REQUESTS, json={"form": {}}), 401)


# Bad input


def test_every_wrong_answer_stands_at_its_field(ada: httpx.Client) -> None:
    form = {"name": "Orders", "size": "huge", "replicas": "2", "colour": "blue", "network": {"cidr": 7}}
    found = errors(ada.post(REQUESTS, json={"form": form}))
    pointers = {"/form/name", "/form/size", "/form/replicas", "/form/colour", "/form/network/cidr"}
    assert found.keys() == pointers
    assert found["/form/size"] == "Has to be one of small, large; got “huge”."
    assert ada.get("/v1/requests").json()["items"] == []


def test_outputs_that_were_not_promised_are_refused(served: HttpDesk, ada: httpx.Client, grace: httpx.Client) -> None:
    number = ask(ada)
    grace.post(f"/v1/requests/{number}/approve")
    served.desk.work()
    step = f"/v1/requests/{number}/steps/create/complete"
    assert errors(grace.post(step, json={"outputs": {"host": ""}})).keys() == {"/outputs/host"}
    assert errors(grace.post(step)).keys() == {"/outputs/host"}
    problem(grace.post(f"/v1/requests/{number}/steps/other/complete"), 404)
    problem(ada.post(step, json={"outputs": {"host": "db1"}}), 403)


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, {"/form"}),
        ({"form": []}, {"/form"}),
        ({"form": None}, {"/form"}),
        ({"form": {"name": "orders"}, "reasn": "x"}, {"/reasn"}),
        ({"form": {"name": "orders"}, "reason": 5}, {"/reason"}),
        ({"form": {"name": "orders"}, "reason": "x" * 3001}, {"/reason"}),
        ([], {""}),
        ("form", {""}),
        (7, {""}),
        (None, {""}),
    ],
)
def test_a_body_of_another_shape_is_refused_at_its_place(refused: httpx.Client, body: Any, pointers: set[str]) -> None:
    assert errors(refused.post(REQUESTS, content=json.dumps(body), headers=JSON_TYPE)).keys() == pointers


JSON_TYPE = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{not json", "line 1 column 2"),
        (b"", "object"),
        (b"\xff\xfe\xfa", "not JSON"),
        (b'{"form": {"replicas": NaN}}', "NaN is no JSON number"),
        (b'{"form": {"replicas": -Infinity}}', "-Infinity is no JSON number"),
        (b'{"form": {"replicas": 1e999}}', "too large"),
        (b'{"form": {"replicas": ' + b"9" * 5000 + b"}}", "not JSON"),
        (b'{"form": {"name": "\\ud800"}}', "half a character"),
        (b'{"form": {"\\u0000": "x"}}', "NUL"),
        (b'{"form": ' + b"[" * 100 + b"]" * 100 + b"}", "levels deep"),
        (b"[" * 100_000 + b"]" * 100_000, "levels deep"),
        (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, "levels deep"),
    ],
    ids=range(12),
)
def test_what_is_not_json_is_refused(refused: httpx.Client, body: bytes, why: str) -> None:
    answer = refused.post(REQUESTS, content=body, headers=JSON_TYPE)
    if body:
        assert why in problem(answer, 400)["detail"]
    else:
        assert why in errors(answer)[""]


def test_json_has_to_be_called_json(refused: httpx.Client) -> None:
    answer = refused.post(REQUESTS, content=b'{"form": {}}', headers={"Content-Type": "text/plain"})
    assert errors(answer) == {"": "Send a JSON object, with Content-Type: application/json."}


def test_a_name_that_comes_twice_counts_once(ada: httpx.Client) -> None:
    body = b'{"form": {"name": "first", "name": "second"}}'
    assert ada.post(REQUESTS, content=body, headers=JSON_TYPE).json()["form"]["name"] == "second"


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("state=lost", "state"),
        ("limit=0", "limit"),
        ("limit=many", "limit"),
        ("cursor=x", "cursor"),
        ("offering=%00", "offering"),
    ],
)
def test_a_wrong_query_is_named(refused: httpx.Client, query: str, named: str) -> None:
    found = problem(refused.get(f"/v1/requests?{query}"), 422)["errors"]
    assert found[0]["detail"].startswith(f"{named} (query): ")


def test_a_reason_in_a_query_holds_no_nul(refused: httpx.Client) -> None:
    problem(refused.delete("/v1/instances/INS-1?reason=a%00b"), 422)
    problem(refused.delete("/v1/instances/INS-1?reason=a%0Ab"), 404)


def test_unknown_routes_and_methods_are_problems_too(refused: httpx.Client) -> None:
    assert problem(refused.get("/v1/nothing"), 404)["detail"] == "There is nothing at /v1/nothing."
    answer = refused.put("/v1/instances/INS-1")
    problem(answer, 405)
    assert answer.headers["allow"]
    problem(refused.post("/v1/requests/REQ-1/destroy"), 404)
    assert (
        "There is: database, seat."
        in problem(refused.post("/v1/offerings/x/requests", json={"form": {}}), 404)["detail"]
    )


def test_text_of_every_kind_comes_back_as_it_went_in(ada: httpx.Client) -> None:
    text = "<!channel> @everyone \u202eright-to-left “curly” 👩🏽‍💻 " * 40
    answer = ada.post("/v1/offerings/seat/requests", json={"form": {"reason": text}, "reason": text})
    assert answer.json()["form"] == {"reason": text}
    assert answer.json()["reason"] == text


# Large bodies


def test_a_body_of_ten_megabytes_is_refused_before_the_token_is_looked_at(served: HttpDesk) -> None:
    answer = served.client("").post(REQUESTS, content=b"x" * 10_000_000, headers=JSON_TYPE)
    assert "larger than 1048576 bytes" in problem(answer, 413)["detail"]
    assert answer.headers["connection"] == "close"


def test_a_chunked_body_is_counted(served: HttpDesk) -> None:
    answer = served.client("").post(REQUESTS, content=(b"x" * 65536 for _ in range(160)), headers=JSON_TYPE)
    problem(answer, 413)


def test_the_connection_is_closed_without_the_rest_of_the_body(served: HttpDesk) -> None:
    with socket.create_connection(("127.0.0.1", served.server.port), timeout=10) as line:
        line.sendall(b"POST /v1/requests HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\nbeginning")
        assert line.recv(65536).startswith(b"HTTP/1.1 413")
        line.shutdown(socket.SHUT_WR)
        while line.recv(65536):
            pass


def test_a_body_just_within_the_limit_is_read(ada: httpx.Client) -> None:
    body = json.dumps({"form": {"name": "orders"}}).encode()
    assert ada.post(REQUESTS, content=body.ljust(1024 * 1024), headers=JSON_TYPE).status_code == 201
    problem(ada.post(REQUESTS, content=body.ljust(1024 * 1024 + 1), headers=JSON_TYPE), 413)


# Bugs, readiness, numbers, description


def test_a_bug_is_answered_with_an_id_that_the_log_has(
    served: HttpDesk, ada: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(served.desk.service, "offered", broken)
    with caplog.at_level(logging.ERROR):
        detail = problem(ada.get("/v1/offerings"), 500)["detail"]
    error_id = detail.rstrip(".").rpartition(" ")[2]
    logged = [record for record in caplog.records if record.exc_info]
    assert len(logged) == 1
    assert error_id in logged[0].getMessage()
    assert "hunter2" not in detail


def test_readiness_says_what_is_missing(served: HttpDesk) -> None:
    nobody = served.client("")
    assert nobody.get("/healthz").status_code == 200
    assert nobody.get("/readyz").status_code == 200
    served.not_ready = "The schema is behind the code: run frontdesk migrate."
    assert problem(nobody.get("/readyz"), 503)["detail"] == served.not_ready
    assert nobody.get("/healthz").status_code == 200


def test_answers_are_counted_by_route_and_not_by_path(served: HttpDesk, ada: httpx.Client) -> None:
    ada.get("/v1/requests/REQ-77")
    ada.get("/nowhere/at/all")
    text = served.client("").get("/metrics").text
    assert 'frontdesk_http_requests_total{method="GET",route="/v1/requests/{number}",status="404"} 1.0' in text
    assert "REQ-77" not in text
    assert "nowhere" not in text
    assert "process_resident_memory_bytes" in text


def test_the_description_is_valid_and_has_a_typed_operation_for_each_offering(served: HttpDesk) -> None:
    document = served.client("").get("/openapi.json").json()
    OpenAPIV31SpecValidator(document).validate()
    operation = document["paths"]["/v1/offerings/database/requests"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    form = document["components"]["schemas"][body["properties"]["form"]["$ref"].rpartition("/")[2]]
    assert form["properties"]["name"]["pattern"] == "^[a-z][a-z0-9-]{2,30}$"
    assert form["properties"]["network"]["anyOf"][0] == {"$ref": "#/components/schemas/database.v1.Network"}
    assert "$defs" not in json.dumps(document)
    answer = operation["responses"]["201"]["content"]["application/json"]["schema"]
    assert answer == {"$ref": "#/components/schemas/Request"}
    assert operation["responses"]["422"]["content"].keys() == {"application/problem+json"}
    ids = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert len(ids) == len(set(ids))


def test_the_description_of_the_offerings_that_come_with_it_is_valid(served: HttpDesk) -> None:
    jira = {"JIRA_URL": "http://127.0.0.1:9", "JIRA_USER": "frontdesk@example.com", "JIRA_TOKEN": "secret"}
    catalogue = catalogues.load(ROOT / "offerings", jira)
    service = Service(served.desk.database, catalogue, Groups(NoDirectory(), {}))
    document = api.build(service, ready=lambda: None).openapi()
    OpenAPIV31SpecValidator(document).validate()
    assert {f"/v1/offerings/{name}/requests" for name in catalogue.offerings} <= document["paths"].keys()
