"""What acknowledgements and actions do to modals in the workspace."""

from typing import Any

import pytest
from slack_bolt import App

from bot.demo.slack.client import Client
from bot.demo.slack.workspace import Workspace
from tests.integration.standing_server import StandingServer
from tests.integration.workspace.forms import (
    JSON,
    OPTIONS,
    button,
    falls_silent,
    field,
    modal,
    noting,
    open_form,
    opens,
    plain,
    shown,
)


def test_a_submission_can_update_push_and_clear(workspace: Workspace, bolt: App, ada: Client, over_http: None) -> None:
    answer: JSON = {"response_action": "push", "view": modal(title="Second")}
    opens(bolt, modal(field("name", optional=True)), answer)
    open_form(workspace, ada)
    ada.submit()
    assert [view.title for view in ada.views()] == ["Form", "Second"]
    answer |= {"response_action": "update", "view": modal(title="Changed")}
    ada.submit()
    assert [view.title for view in ada.views()] == ["Form", "Changed"]
    answer.clear()
    ada.submit()
    assert [view.title for view in ada.views()] == ["Form"]
    answer |= {"response_action": "push", "view": modal(title="Second")}
    ada.submit()
    del answer["view"]
    answer["response_action"] = "clear"
    ada.submit()
    assert ada.views() == []


UNUSABLE = [
    ({"response_action": "errors", "errors": {"nothing": "x"}}, "errors for what is no input block: nothing"),
    ({"response_action": "errors", "errors": {"name": ""}}, "an error without a text"),
    ({"response_action": "dance"}, "no known response_action: dance"),
    ({"response_action": "update", "view": modal(title="x" * 25)}, "must be less than 25 characters"),
    ({"response_action": "push", "view": modal({"type": "x"})}, "unsupported type: x"),
]


@pytest.mark.parametrize(("answer", "reason"), UNUSABLE, ids=[reason for _, reason in UNUSABLE])
def test_an_unusable_answer_is_trouble_for_the_person_and_a_complaint_for_the_test(
    workspace: Workspace, bolt: App, ada: Client, over_http: None, answer: JSON, reason: str
) -> None:
    opens(bolt, modal(field("name", optional=True)), answer)
    open_form(workspace, ada)
    ada.submit()
    assert ada.notice() == "We had some trouble connecting. Try again?"
    assert shown(ada).title == "Form"
    assert reason in workspace.complaints()[0]


def test_a_submission_that_is_not_answered_stays_open(
    workspace: Workspace, bolt: App, ada: Client, over_http: None, app_server: StandingServer
) -> None:
    opens(bolt, modal(field("name", optional=True)))
    open_form(workspace, ada)
    falls_silent(app_server)
    workspace.patience = 0.1
    ada.submit()
    assert ada.notice() == "We had some trouble connecting. Try again?"
    assert ada.view() is not None
    assert workspace.deliveries("view_submission")[0].status is None


def test_cancel_with_clear_on_close_takes_the_stack_along(
    workspace: Workspace, bolt: App, ada: Client, over_http: None
) -> None:
    view = modal(title="Top", clear_on_close=True)
    opens(bolt, modal(), {"response_action": "push", "view": view})
    open_form(workspace, ada)
    ada.submit()
    ada.close()
    assert ada.views() == []


def test_closing_tells_the_app_if_it_asked(workspace: Workspace, bolt: App, ada: Client, over_http: None) -> None:
    closed: list[tuple[str, bool]] = []
    bolt.view_closed("form")(noting(closed, lambda body: (body["view"]["title"]["text"], body["is_cleared"])))
    view = modal(title="Root", notify_on_close=True)
    opens(bolt, view, {"response_action": "push", "view": view | {"title": plain("Top")}})
    open_form(workspace, ada)
    ada.close()
    assert closed == [("Root", False)]
    open_form(workspace, ada)
    ada.submit()
    ada.close_all()
    assert (ada.views(), closed[1:]) == ([], [("Top", True), ("Root", True)])


def test_an_action_in_a_modal_carries_the_view_and_a_stale_hash_is_refused(
    workspace: Workspace, bolt: App, ada: Client, over_http: None
) -> None:
    seen: list[JSON] = []
    select = {"type": "static_select", "action_id": "pick", "options": OPTIONS}
    view = modal(
        field("name", optional=True), {"type": "actions", "block_id": "a", "elements": [select, button("more")]}
    )
    opens(bolt, view)

    @bolt.action("more")
    @bolt.action("pick")
    def more(ack: Any, body: Any, client: Any) -> None:
        ack()
        seen.append(body)

    open_form(workspace, ada)
    ada.fill({"name": "orders"})
    ada.press("pick", "large")
    ada.press("more")
    pick, more_ = seen
    assert pick["actions"][0]["selected_option"] == OPTIONS[1]
    assert (pick["container"], "message" in pick) == ({"type": "view", "view_id": shown(ada).id}, False)
    state = more_["view"]["state"]["values"]
    assert (state["name"]["answer"]["value"], state["a"]["pick"]["selected_option"]) == ("orders", OPTIONS[1])
    assert more_["actions"][0]["value"] == "REQ-1"
    known = more_["view"]["hash"]
    bolt.client.views_update(view_id=shown(ada).id, hash=known, view=view | {"title": plain("New")})
    assert shown(ada).values["name"]["answer"]["value"] == "orders", "what was typed stays"
    answer = bolt.client.views_update
    with pytest.raises(Exception, match="hash_conflict"):
        answer(view_id=shown(ada).id, hash=known, view=view)


def test_what_was_typed_goes_when_the_block_id_changes(
    workspace: Workspace, bolt: App, ada: Client, over_http: None
) -> None:
    opens(bolt, modal(field("name")))
    open_form(workspace, ada)
    ada.fill({"name": "orders"})
    again = modal(field("name", initial_value="ignored"), field("name2", initial_value="fresh"))
    bolt.client.views_update(view_id=shown(ada).id, view=again)
    held = {block: state["answer"]["value"] for block, state in shown(ada).values.items()}
    assert held == {"name": "orders", "name2": "fresh"}


def test_a_field_that_dispatches_tells_the_app_at_once(
    workspace: Workspace, bolt: App, ada: Client, over_http: None
) -> None:
    seen: list[JSON] = []
    opens(bolt, modal(field("size", "static_select", options=OPTIONS, dispatch_action=True)))
    bolt.action("answer")(noting(seen, lambda body: body["actions"][0]))
    open_form(workspace, ada)
    ada.fill({"size": "large"})
    assert (seen[0]["block_id"], seen[0]["selected_option"]) == ("size", OPTIONS[1])


def test_a_trigger_of_an_action_pushes_a_view(workspace: Workspace, bolt: App, ada: Client, over_http: None) -> None:
    opens(bolt, modal({"type": "actions", "elements": [button("more")]}))

    @bolt.action("more")
    def more(ack: Any, body: Any, client: Any) -> None:
        ack()
        client.views_push(trigger_id=body["trigger_id"], view=modal(title="Pushed"))

    open_form(workspace, ada)
    ada.press("more")
    workspace.until(lambda: len(ada.views()) == 2)
    assert shown(ada).root_id == ada.views()[0].id
