"""The routes: each takes the person, makes one call of the service and renders its answer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Path, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from bot import telemetry
from bot.api import schemas
from bot.api.openapi import problem_responses
from bot.api.problems import SignedOut
from bot.api.reading import StrictRoute
from bot.errors import Invalid, Problem
from bot.lifecycle import RequestState
from bot.service import Page, Service
from bot.store.records import InstanceRecord, PersonRecord, RequestRecord

_bearer = HTTPBearer(auto_error=False, description="A token from `frontdesk token create`")


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


Desk = Annotated[Service, Depends(_service)]


def _person(service: Desk, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> PersonRecord:
    if given is None:
        raise SignedOut("Send a token: `Authorization: Bearer TOKEN`. `frontdesk token create PERSON` makes one.")
    person = service.person_by_token(given.credentials)
    if person is None:
        raise SignedOut("This token is not known, or it was revoked.")
    telemetry.note(person=person.id)
    return person


Me = Annotated[PersonRecord, Depends(_person)]
Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]
Cursor = Annotated[str | None, Query(pattern="^[0-9]{1,15}$", description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200)]
Name = Annotated[str | None, Query(pattern="^[a-z0-9-]{1,100}$")]
FileName = Annotated[str, Query(min_length=1, max_length=255)]
Number = Annotated[str, Path(description="`REQ-12` or `INS-7`")]
Act = schemas.Act | None
Requests = schemas.Listing[schemas.Request]
Instances = schemas.Listing[schemas.Instance]

router = APIRouter(prefix="/v1", route_class=StrictRoute, responses=problem_responses(400, 401, 404, 413, 422, 503))
_MOVES: Any = problem_responses(403, 409)
_AGAIN: Any = {200: {"description": "The same key had made it before", "model": schemas.Request}}


@router.get("/offerings", tags=["offerings"])
def list_offerings(service: Desk, _: Me) -> schemas.Listing[schemas.Offering]:
    """What can be asked for."""
    return schemas.Listing(items=[schemas.Offering.of(offered) for offered in service.offered()], next=None)


@router.get("/offerings/{name}", tags=["offerings"])
def show_offering(service: Desk, _: Me, name: str, version: str | None = None) -> schemas.OfferingContract:
    """One offering with its contract; without a version its newest."""
    return schemas.OfferingContract.of(service.offering(name, version))


@router.post("/offerings/{name}/plan", tags=["offerings"])
def plan(service: Desk, me: Me, name: str, body: schemas.Answers) -> schemas.Listing[schemas.PlannedStep]:
    """What a request would do; checks the answers and touches nothing."""
    with _answers_at("/form"):
        planned = service.plan(me, name, body.form)
    return schemas.Listing(items=[schemas.PlannedStep.of(each) for each in planned], next=None)


@router.post("/offerings/{name}/requests", status_code=201, tags=["offerings"], responses=_AGAIN)
def submit(
    service: Desk, me: Me, name: str, body: schemas.Submission, response: Response, key: Key = None
) -> schemas.Request:
    """Ask for an offering. The same key and body again give the same request, with 200."""
    with _answers_at("/form"):
        record, created = service.submit(me, name, body.form, version=body.version, reason=body.reason, key=key)
    response.headers["Location"] = f"/v1/requests/{record.number}"
    response.status_code = 201 if created else 200
    return schemas.Request.of(record)


@router.post("/files", status_code=201, tags=["offerings"])
def upload(
    service: Desk,
    me: Me,
    name: FileName,
    body: Annotated[bytes, Body(media_type="application/octet-stream")],
    content_type: Annotated[str, Header()] = "application/octet-stream",
) -> schemas.File:
    """Upload a file (at most 1 MiB) for an answer that is one; what comes back is that answer."""
    return schemas.File.of(service.upload(me, name, content_type, body))


@router.get("/requests", tags=["requests"])
def list_requests(
    service: Desk,
    me: Me,
    *,
    state: RequestState | None = None,
    offering: Name = None,
    mine: bool = False,
    waiting_for_me: bool = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Requests:
    """What you may read, newest first; what waits for you, oldest first. A page may be shorter than `limit`."""
    before = int(cursor) if cursor else None
    if waiting_for_me:
        page = service.waiting(me, after=before, limit=limit)
    elif mine:
        page = service.mine(me, state=state, offering=offering, before=before, limit=limit)
    else:
        page = service.requests(me, state=state, offering=offering, before=before, limit=limit)
    wanted = _wanted(state, offering, me if mine else None)
    return Requests(items=[schemas.Request.of(r) for r in page.items if wanted(r)], next=_cursor(page))


@router.get("/requests/{number}", tags=["requests"])
def show_request(service: Desk, me: Me, number: Number) -> schemas.Story:
    """One request with its whole story."""
    return schemas.Story.told(service.story(me, number))


@router.patch("/requests/{number}", tags=["requests"], responses=_MOVES)
def edit(service: Desk, me: Me, number: Number, body: schemas.Answers) -> schemas.Request:
    """Put other answers, all of them, into a request that waits for approval."""
    with _answers_at("/form"):
        return schemas.Request.of(service.edit(me, number, body.form))


@router.post("/requests/{number}/approve", tags=["requests"], responses=_MOVES)
def approve(service: Desk, me: Me, number: Number, body: Act = None) -> schemas.Request:
    """Your approval."""
    said = body or schemas.Act()
    return schemas.Request.of(service.approve(me, number, reason=said.reason, revision=said.revision))


@router.post("/requests/{number}/reject", tags=["requests"], responses=_MOVES)
def reject(service: Desk, me: Me, number: Number, body: Act = None) -> schemas.Request:
    """Your rejection, with a reason; it ends the request."""
    said = body or schemas.Act()
    return schemas.Request.of(service.reject(me, number, said.reason or "", revision=said.revision))


@router.post("/requests/{number}/withdraw", tags=["requests"], responses=_MOVES)
def withdraw(service: Desk, me: Me, number: Number, body: Act = None) -> schemas.Request:
    """Take back your own request before anybody decided."""
    return schemas.Request.of(service.withdraw(me, number, body.reason if body else None))


@router.post("/requests/{number}/cancel", tags=["requests"], responses=_MOVES)
def cancel(service: Desk, me: Me, number: Number, body: Act = None) -> schemas.Request:
    """Stop a request after its approval."""
    return schemas.Request.of(service.cancel(me, number, body.reason if body else None))


@router.post("/requests/{number}/retry", tags=["requests"], responses=_MOVES)
def retry(service: Desk, me: Me, number: Number, _: Act = None) -> schemas.Request:
    """Run the failed step again."""
    return schemas.Request.of(service.retry(me, number))


@router.post("/requests/{number}/steps/{step}/complete", tags=["requests"], responses=_MOVES)
def complete(
    service: Desk, me: Me, number: Number, step: str, body: schemas.Completion | None = None
) -> schemas.Request:
    """You did what the step asks for."""
    with _answers_at("/outputs"):
        return schemas.Request.of(service.complete(me, number, step, body.outputs if body else {}))


@router.post("/requests/{number}/steps/{step}/refuse", tags=["requests"], responses=_MOVES)
def refuse(service: Desk, me: Me, number: Number, step: str, body: schemas.Refusal) -> schemas.Request:
    """You cannot do what the step asks for: it fails."""
    return schemas.Request.of(service.refuse(me, number, step, body.reason))


@router.get("/instances", tags=["instances"])
def list_instances(service: Desk, me: Me, cursor: Cursor = None, limit: Limit = 50) -> Instances:
    """What you live with, newest first."""
    page = service.instances(me, before=int(cursor) if cursor else None, limit=limit)
    return Instances(items=[_instance(service, each) for each in page.items], next=_cursor(page))


@router.get("/instances/{number}", tags=["instances"])
def show_instance(service: Desk, me: Me, number: Number) -> schemas.Instance:
    """One instance."""
    return _instance(service, service.instance(me, number))


@router.post("/instances/{number}/renew", tags=["instances"], responses=_MOVES)
def renew(service: Desk, me: Me, number: Number, body: schemas.Renew | None = None) -> schemas.Instance:
    """Extend its time, as its offering allows."""
    return _instance(service, service.renew(me, number, seen=body.renewals if body else None))


@router.patch("/instances/{number}", status_code=202, tags=["instances"], responses=_MOVES)
def update(
    service: Desk, me: Me, number: Number, body: schemas.Change, response: Response, key: Key = None
) -> schemas.Request:
    """Ask for a change of an instance; the answer is that request."""
    with _answers_at("/form"):
        answers = service.patched(me, number, body.form)
        record, _ = service.update(me, number, answers, version=body.version, reason=body.reason, key=key)
    response.headers["Location"] = f"/v1/requests/{record.number}"
    return schemas.Request.of(record)


@router.delete("/instances/{number}", status_code=202, tags=["instances"], responses=_MOVES)
def delete(
    service: Desk,
    me: Me,
    number: Number,
    response: Response,
    reason: Annotated[str | None, Query(max_length=3000, pattern=r"^[^\x00]*$")] = None,
    key: Key = None,
) -> schemas.Request:
    """Ask for the end of an instance; the answer is that request."""
    record, _ = service.delete(me, number, reason=reason, key=key)
    response.headers["Location"] = f"/v1/requests/{record.number}"
    return schemas.Request.of(record)


def _instance(service: Service, record: InstanceRecord) -> schemas.Instance:
    return schemas.Instance.of(record, service.renewals_left(record))


@contextmanager
def _answers_at(pointer: str) -> Iterator[None]:
    """The service points into the answers; clients read pointers into the body that they sent."""
    try:
        yield
    except Invalid as error:
        raise Invalid([Problem(pointer + each.pointer, each.detail) for each in error.problems], str(error)) from error


def _wanted(
    state: RequestState | None, offering: str | None, requester: PersonRecord | None
) -> Callable[[RequestRecord], bool]:
    def wanted(record: RequestRecord) -> bool:
        return (
            (state is None or record.state == state)
            and (offering is None or record.offering == offering)
            and (requester is None or record.requester.id == requester.id)
        )

    return wanted


def _cursor(page: Page) -> str | None:
    return None if page.next is None else str(page.next)
