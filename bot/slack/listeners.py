"""What people do in Slack, as one call of the service each. Thin: receive, translate, call, answer.

An acknowledgement does no remote call: https://docs.slack.dev/interactivity/handling-user-interaction gives it three
seconds, and a trigger lives as long. A click is never silently ignored: whatever cannot be done is told to the person
who clicked, and to nobody else; a bug is told with an id that the log has too.
"""

import logging
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from slack_bolt import Ack, App, BoltResponse
from slack_bolt.kwargs_injection.args import Args
from slack_sdk.errors import SlackApiError

from bot import contract
from bot.contract import Schema
from bot.errors import Conflict, Invalid, NotFound, Problem, Refused
from bot.offering import Offering
from bot.service import Service
from bot.slack import commands, forms, listings, messages, views
from bot.slack.buttons import Target
from bot.slack.directory import SlackDirectory
from bot.slack.errors import answering
from bot.slack.messages import Message
from bot.slack.outgoing import checked_message, checked_view
from bot.slack.text import escape
from bot.slack.views import About
from bot.slack.words import Words
from bot.store.records import PersonRecord, RequestRecord

log = logging.getLogger(__name__)

JSON = dict[str, Any]
Lazy = Callable[["Interaction"], None]
Submission = Callable[["Interaction", JSON], JSON | None]


class Interaction:
    """One thing that a person did, and the ways to answer them."""

    def __init__(self, args: Args, service: Service, directory: SlackDirectory) -> None:
        self.args, self.service, self.directory = args, service, directory
        self.user: str = args.body.get("user_id") or args.body.get("user", {}).get("id", "")

    @property
    def person(self) -> PersonRecord:
        """Who did it. Raises NotFound, Unavailable."""
        return self.service.person(self.user)

    @property
    def target(self) -> Target:
        """What the button is about."""
        return Target.read(str((self.args.action or {}).get("value", "")))

    def words(self, record: RequestRecord) -> Words:
        """How the request reads."""
        offering = self.service.catalogue.offering(record.offering, record.version)
        return Words(offering, self.directory.mention)

    def open(self, view: JSON) -> None:
        """Open a modal, with the trigger of this interaction. Raises Unavailable."""
        view = checked_view(view)
        with answering("The window"):
            self.args.client.views_open(trigger_id=self.args.body["trigger_id"], view=view)

    def tell(self, message: Message) -> None:
        """Answer so that only this person sees it: where they clicked, else in a direct message."""
        message = checked_message(message)
        if not self._respond(message):
            self.args.client.chat_postMessage(channel=self.user, text=message.text, blocks=message.blocks or None)

    def _respond(self, message: Message) -> bool:
        """Answer at the interaction's address, which lives for 30 minutes and five answers; whether that worked."""
        if not self.args.body.get("response_url"):
            return False
        try:
            answer = self.args.respond(
                text=message.text,
                blocks=message.blocks or None,
                response_type="ephemeral",
                replace_original=False,
                unfurl_links=False,
            )
        except (SlackApiError, OSError) as error:
            log.info("an answer goes as a direct message: %s", error)
            return False
        return answer.status_code == 200  # respond() does not raise for what Slack refuses

    def confirm(self, text: str) -> None:
        """Say that it worked, where no card shows it: in an answer of ours, or in a direct message."""
        container = self.args.body.get("container", {})
        if container.get("is_ephemeral") or str(container.get("channel_id", "")).startswith("D"):
            self.tell(Message(text))


def register(app: App, service: Service, directory: SlackDirectory) -> None:
    """Hand every listener to Bolt."""
    listeners = _Listeners(service, directory)
    app.command("/platform")(ack=_acknowledge, lazy=[listeners.lazily(_command)])
    for name, submit in _SUBMISSIONS.items():  # before the buttons: Bolt asks one after the other, and these do more
        app.view(name)(listeners.submission(submit))
        app.view_closed(name)(_acknowledge)
    for name, do in _CLICKS.items():
        app.action(name)(ack=_acknowledge, lazy=[listeners.lazily(do)])
    app.shortcut("new_request")(ack=_acknowledge, lazy=[listeners.lazily(_open_catalogue)])
    app.shortcut("request_from_message")(ack=_acknowledge, lazy=[listeners.lazily(_open_catalogue)])
    app.event(re.compile(".*"))(_acknowledge)
    app.action(re.compile(".*"))(ack=_acknowledge, lazy=[listeners.lazily(_stale_button)])
    app.view(re.compile(".*"))(listeners.submission(_stale_view))
    app.view_closed(re.compile(".*"))(_acknowledge)
    app.options(re.compile(".*"))(_no_options)
    app.error(_unforeseen)


class _Listeners:
    """Wraps functions of an `Interaction` as Bolt's listeners."""

    def __init__(self, service: Service, directory: SlackDirectory) -> None:
        self._service, self._directory = service, directory

    def lazily(self, do: Lazy) -> Callable[[Args], None]:
        """For what runs after the acknowledgement."""

        def run(args: Args) -> None:
            interaction = Interaction(args, self._service, self._directory)
            try:
                do(interaction)
            except Refused as refused:
                interaction.tell(Message(escape(_sentence(refused))))
            except Exception as error:  # noqa: BLE001 - a bug of ours is told to the person too
                interaction.tell(Message(_bug(error)))

        return run

    def submission(self, submit: Submission) -> Callable[[Args], None]:
        """For a submitted view: the acknowledgement is the answer."""

        def run(args: Args) -> None:
            view = args.body["view"]
            try:
                answer = submit(Interaction(args, self._service, self._directory), view)
            except Refused as refused:
                answer = _beside_first(view, _sentence(refused))
            except Exception as error:  # noqa: BLE001 - a bug of ours is told to the person too
                answer = _beside_first(view, _bug(error))
            args.ack(**(answer or {}))

        return run


# The slash command


def _command(interaction: Interaction) -> None:
    command = commands.parse(interaction.args.body.get("text", ""))
    do = _VERBS.get(command.verb)
    if do is None:
        raise NotFound(f"/platform does not know “{command.verb}”. /platform help says what it knows.")
    do(interaction, command)


def _open_catalogue(interaction: Interaction, _command: commands.Command | None = None, problem: str = "") -> None:
    interaction.open(views.catalogue(interaction.service.offered(), problem))


def _request(interaction: Interaction, command: commands.Command) -> None:
    if not command.words:
        _open_catalogue(interaction)
        return
    try:
        offering = interaction.service.offering(command.words[0])
    except NotFound as unknown:
        _open_catalogue(interaction, problem=str(unknown))
        return
    answers, problems = contract.typed(offering.contract.form, command.pairs)
    stray = [Problem("", f"“{word}” is no field=value.") for word in command.words[1:]]
    interaction.open(_form(offering, answers=answers, problems=[*problems, *stray]))


def _list(interaction: Interaction, _command: commands.Command) -> None:
    service, person = interaction.service, interaction.person
    requests = [r for r in service.mine(person).items if r.state not in ("fulfilled", "rejected", "withdrawn")]

    def title(name: str, version: str) -> str:
        offering = service.catalogue.offering(name, version)
        return offering.title if offering else name

    open_ones = [record for record in requests if record.ended_at is None]
    interaction.tell(listings.mine(service.instances(person).items, open_ones, title, interaction.words))


def _waiting(interaction: Interaction, _command: commands.Command) -> None:
    records = interaction.service.waiting(interaction.person)
    interaction.tell(listings.waiting(records, interaction.words))


def _show(interaction: Interaction, command: commands.Command) -> None:
    if not command.words:
        raise NotFound("Say which: /platform show REQ-12")
    record = interaction.service.show(interaction.person, command.words[0])
    interaction.tell(messages.story(record, interaction.words(record)))


def _help(interaction: Interaction, _command: commands.Command) -> None:
    interaction.tell(Message(listings.HELP))


_VERBS: Mapping[str, Callable[[Interaction, commands.Command], None]] = {
    "": _open_catalogue,
    "catalogue": _open_catalogue,
    "request": _request,
    "list": _list,
    "waiting": _waiting,
    "show": _show,
    "help": _help,
}

# Buttons


def _approve(interaction: Interaction) -> None:
    target = interaction.target
    record = interaction.service.approve(interaction.person, target.number, revision=target.revision)
    interaction.confirm(f"You approved {record.number}.")


def _reject(interaction: Interaction) -> None:
    target = interaction.target
    record, _ = interaction.service.may_decide(interaction.person, target.number, target.revision)
    about = About(number=record.number, revision=target.revision)
    title, question = f"Reject {record.number}", "Why is it rejected?"
    interaction.open(views.reason(views.REJECT, about, title=title, question=question, submit="Reject"))


def _complete(interaction: Interaction) -> None:
    target = interaction.target
    record, asked = interaction.service.may_answer(interaction.person, target.number, target.step or "")
    if not asked["outputs"]:
        interaction.service.complete(interaction.person, record.number, target.step or "")
        interaction.confirm(f"Thank you: {target.step} of {record.number} is done.")
        return
    about = About(number=record.number, step=target.step or "")
    view = forms.modal(
        asked["outputs"],
        title=f"{record.number} is done",
        callback_id=views.COMPLETE,
        metadata=str(about),
        submit="Done",
    )
    interaction.open(view)


def _refuse(interaction: Interaction) -> None:
    target = interaction.target
    record, _ = interaction.service.may_answer(interaction.person, target.number, target.step or "")
    about = About(number=record.number, step=target.step or "")
    title, question = f"Can't do {record.number}", "Why can't it be done?"
    interaction.open(views.reason(views.REFUSE, about, title=title, question=question, submit="Can't do"))


def _retry(interaction: Interaction) -> None:
    record = interaction.service.retry(interaction.person, interaction.target.number)
    interaction.confirm(f"{record.number} is tried again.")


def _withdraw(interaction: Interaction) -> None:
    interaction.service.withdraw(interaction.person, interaction.target.number)


def _cancel(interaction: Interaction) -> None:
    record = interaction.service.cancel(interaction.person, interaction.target.number)
    interaction.confirm(f"{record.number} is cancelled.")


def _edit(interaction: Interaction) -> None:
    record = interaction.service.may_edit(interaction.person, interaction.target.number)
    offering = interaction.service.offering(record.offering, record.version)
    about = About(offering=offering.name, version=offering.version, number=record.number)
    interaction.open(_form(offering, about=about, callback=views.EDIT, answers=record.form))


def _delete(interaction: Interaction) -> None:
    number = interaction.target.number
    record, _ = interaction.service.delete(interaction.person, number)
    waits = f" It waits for {interaction.words(record).deciders(record)}." if record.rules else ""
    interaction.confirm(f"{record.number} asks for the end of {number}.{waits}")


def _stale_button(_interaction: Interaction) -> None:
    raise Conflict("This button is from an older version of Frontdesk and does nothing any more. Try /platform list.")


_CLICKS: Mapping[str, Lazy] = {
    "approve": _approve,
    "reject": _reject,
    "complete": _complete,
    "refuse": _refuse,
    "retry": _retry,
    "withdraw": _withdraw,
    "cancel": _cancel,
    "edit": _edit,
    "delete": _delete,
}

# Submitted views


def _pick(interaction: Interaction, view: JSON) -> JSON:
    selected = view["state"]["values"].get(views.OFFERING, {}).get("value", {}).get("selected_option")
    if not selected:
        raise Invalid([], "Choose what you need.")
    offering = interaction.service.offering(selected["value"])
    return {"response_action": "update", "view": checked_view(_form(offering))}


def _submit(interaction: Interaction, view: JSON) -> JSON:
    about = About.read(view)
    offering = interaction.service.offering(about.offering, about.version)
    schema, service = offering.contract.form, interaction.service
    answers = forms.answers(schema, view["state"]["values"])
    key = f"slack:{view.get('root_view_id') or view['id']}"
    try:
        record, _ = service.submit(interaction.person, offering.name, answers, version=about.version, key=key)
    except Invalid as invalid:
        return _beside(view, schema, invalid.problems)
    usual = views.usual(service.described(offering))
    confirmation = views.confirmation(record, interaction.words(record), usual=usual)
    return {"response_action": "update", "view": checked_view(confirmation)}


def _submit_edit(interaction: Interaction, view: JSON) -> JSON | None:
    about = About.read(view)
    schema = interaction.service.offering(about.offering, about.version).contract.form
    answers = forms.answers(schema, view["state"]["values"])
    try:
        interaction.service.edit(interaction.person, about.number, answers)
    except Invalid as invalid:
        return _beside(view, schema, invalid.problems)
    return None


def _submit_rejection(interaction: Interaction, view: JSON) -> None:
    about = About.read(view)
    interaction.service.reject(interaction.person, about.number, _written(view), revision=about.revision)


def _submit_refusal(interaction: Interaction, view: JSON) -> None:
    about = About.read(view)
    interaction.service.refuse(interaction.person, about.number, about.step, _written(view))


def _submit_outputs(interaction: Interaction, view: JSON) -> JSON | None:
    about, service = About.read(view), interaction.service
    _, asked = service.may_answer(interaction.person, about.number, about.step)
    schema = asked["outputs"] or {}
    outputs = forms.answers(schema, view["state"]["values"])
    try:
        service.complete(interaction.person, about.number, about.step, outputs)
    except Invalid as invalid:
        return _beside(view, schema, invalid.problems)
    return None


def _stale_view(_interaction: Interaction, _view: JSON) -> JSON:
    raise Conflict(views.STALE)


_SUBMISSIONS: Mapping[str, Submission] = {
    views.CATALOGUE: _pick,
    views.FORM: _submit,
    views.EDIT: _submit_edit,
    views.REJECT: _submit_rejection,
    views.REFUSE: _submit_refusal,
    views.COMPLETE: _submit_outputs,
}

# Answers


def _form(
    offering: Offering[Any],
    *,
    about: About | None = None,
    callback: str = views.FORM,
    answers: Mapping[str, Any] | None = None,
    problems: Sequence[Problem] = (),
) -> JSON:
    about = about or About(offering=offering.name, version=offering.version)
    return forms.modal(
        offering.contract.form,
        title=offering.title,
        callback_id=callback,
        metadata=str(about),
        answers=answers,
        problems=problems,
    )


def _written(view: JSON) -> str:
    return str(view["state"]["values"].get(views.REASON, {}).get("value", {}).get("value") or "")


def _beside(view: JSON, schema: Schema, problems: Sequence[Problem]) -> JSON:
    """Problems beside their fields; what has no field stands at the first one."""
    errors, leftover = forms.errors(schema, problems)
    shown = {block: text for block, text in errors.items() if block in _inputs(view)}
    unseen = [text for block, text in errors.items() if block not in shown] + leftover
    if unseen:
        first = _inputs(view)[0]
        shown[first] = " ".join([*unseen, shown.get(first, "")]).strip()
    return {"response_action": "errors", "errors": shown}


def _beside_first(view: JSON, text: str) -> JSON:
    """One sentence at the first field; in a view without fields, in its place."""
    inputs = _inputs(view)
    if inputs:
        return {"response_action": "errors", "errors": {inputs[0]: text}}
    return {"response_action": "update", "view": views.message("Not done", text)}


def _inputs(view: JSON) -> list[str]:
    return [block["block_id"] for block in view["blocks"] if block["type"] == "input"]


def _sentence(refused: Refused) -> str:
    if isinstance(refused, Invalid) and refused.problems:
        return " ".join(problem.detail for problem in refused.problems)
    return str(refused)


def _bug(error: Exception) -> str:
    """What a person is told of a bug: an id, which the log has too."""
    error_id = secrets.token_hex(4)
    log.error("error %s", error_id, exc_info=error)
    return f"Something went wrong here (error {error_id}). Try again; if it stays, tell the platform's team that id."


def _acknowledge(ack: Ack) -> None:
    ack()


def _no_options(ack: Ack) -> None:
    ack(options=[])


def _unforeseen(error: Exception, body: JSON) -> BoltResponse:
    """The last net: what no listener caught, for example a payload of a kind that nobody listens to."""
    told = _bug(error)
    if body.get("type") == "view_submission":
        return BoltResponse(status=200, body=_beside_first(body["view"], told))
    if body.get("command"):
        return BoltResponse(status=200, body={"response_type": "ephemeral", "text": told})
    return BoltResponse(status=200, body="")
