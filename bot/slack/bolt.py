"""Bolt's app, with a shorter way for windows that people submit; how long each acknowledgement takes is measured.

Bolt asks its listeners one after the other, gathers thirty arguments to ask each of them, and makes a client for every
request: that was a third of an acknowledgement. A submitted window is found by its name.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt import App, BoltRequest, BoltResponse
from slack_bolt.kwargs_injection.args import Args
from slack_bolt.listener import Listener
from slack_sdk import WebClient

from bot import measures, telemetry

log = logging.getLogger(__name__)

#: What Slack sends; anything else is counted together, so that nobody can make up labels.
_KINDS = frozenset(
    {
        "block_actions",
        "view_submission",
        "view_closed",
        "block_suggestion",
        "shortcut",
        "message_action",
        "event_callback",
    }
)


class _Submission(Listener):
    """Answers windows of one name; told what it may need, where Bolt finds out what else a request might be."""

    matchers = middleware = lazy_functions = ()
    auto_acknowledgement = False

    def __init__(self, submit: Callable[[Args], None]) -> None:
        self.submit = submit

    def run_ack_function(self, *, request: BoltRequest, response: BoltResponse) -> None:
        """As Bolt's runner calls it."""
        context, view = request.context, request.body["view"]
        self.submit(
            Args(
                logger=log,
                client=context.client,
                req=request,
                resp=response,
                context=context,
                body=request.body,
                payload=view,
                view=view,
                ack=context.ack,
                say=context.say,
                respond=context.respond,  # type: ignore[arg-type] # it is there
                complete=context.complete,
                fail=context.fail,
                next=lambda: None,
            )
        )


class Bolt(App):
    """Bolt's app, over both ways in."""

    def __init__(self, web: WebClient, **settings: Any) -> None:
        """`web` is what a submission's listener calls Slack with; `settings` are Bolt's."""
        super().__init__(**settings)
        self._web = web
        self._submissions: dict[str, _Submission] = {}

    def submission(self, callback_id: str, submit: Callable[[Args], None]) -> None:
        """Have windows of that name handed to `submit`, which acknowledges them."""
        self._submissions[callback_id] = _Submission(submit)

    def dispatch(self, req: BoltRequest) -> BoltResponse:
        """As Bolt does."""
        began = time.monotonic()
        kind = _kind(req.body)
        try:
            with telemetry.doing(), telemetry.span(f"Slack {kind}"):
                answer = self._submitted(req) if kind == "view_submission" else None
                return answer or super().dispatch(req)
        finally:
            measures.ACKNOWLEDGEMENTS.labels(kind).observe(time.monotonic() - began)

    def _submitted(self, request: BoltRequest) -> BoltResponse | None:
        """The answer to a window that is known by its name; None: Bolt looks for who answers."""
        name = (request.body.get("view") or {}).get("callback_id", "")
        listener = self._submissions.get(name)
        if listener is None:
            return None
        request.context["client"] = self._web
        return self.listener_runner.run(request, None, name, listener)  # type: ignore[arg-type] # as Bolt does


def _kind(body: Mapping[str, Any]) -> str:
    if "command" in body:
        return "command"
    kind = str(body.get("type", ""))
    return kind if kind in _KINDS else "(other)"
