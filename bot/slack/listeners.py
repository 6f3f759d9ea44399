"""What people do in Slack, as one call of the service each. Thin: receive, translate, call, answer.

An acknowledgement does no remote call: https://docs.slack.dev/interactivity/handling-user-interaction gives it three
seconds, and a trigger lives as long. A click is never silently ignored: whatever cannot be done is told to the person
who clicked, and to nobody else; a bug is told with an id that the log has too.
"""

import logging
import re
from collections.abc import Callable, Mapping

from slack_bolt import Ack, App, BoltResponse
from slack_bolt.kwargs_injection.args import Args

from bot import contract
from bot.errors import Conflict, Invalid, NotFound, Problem, Refused
from bot.service import Service
from bot.slack import commands, listings, news, stories, views, words
from bot.slack.directory import SlackDirectory
from bot.slack.errors import bug
from bot.slack.forms import filling, windows
from bot.slack.forms.about import CATALOGUE, CHANGE, COMPLETE, EDIT, ENTRY, FORM, REFUSE, REJECT, STALE, About
from bot.slack.forms.asking import ACTION
from bot.slack.interaction import JSON, Interaction, Lazy, Submission
from bot.slack.messages import Message
from bot.slack.outgoing import checked_view
from bot.slack.text import escape
from bot.slack.words import Words

log = logging.getLogger(__name__)


def register(app: App, service: Service, directory: SlackDirectory) -> None:
    """Hand every listener to Bolt."""
    listeners = _Listeners(service, directory)
    for name, submit in _SUBMISSIONS.items():  # first: Bolt asks one after the other, and these do most
        app.view(name)(listeners.submission(submit))
    app.command("/platform")(ack=_acknowledge, lazy=[listeners.lazily(_command)])
    entry = listeners.submission(filling.submitted_entry)
    app.view(ENTRY)(ack=entry, lazy=[listeners.lazily(filling.show_list)])
    for name in (FORM, EDIT, CHANGE, COMPLETE, ENTRY):
        app.view_closed(name)(ack=_acknowledge, lazy=[listeners.lazily(filling.closed)])
    keep = listeners.first(filling.keep_choice)
    for name, do in {**_CLICKS, **filling.CLICKS}.items():
        app.action(name)(ack=keep if name == ACTION else _acknowledge, lazy=[listeners.lazily(do)])
    app.shortcut("new_request")(ack=_acknowledge, lazy=[listeners.lazily(_shortcut)])
    app.shortcut("request_from_message")(ack=_acknowledge, lazy=[listeners.lazily(_shortcut)])
    news.register(app, service, directory)
    app.event(re.compile(".*"))(_acknowledge)
    app.action(re.compile(".*"))(ack=_acknowledge, lazy=[listeners.lazily(_stale_button)])
    app.view(re.compile(".*"))(listeners.submission(_stale_view))
    app.view_closed(re.compile(".*"))(_acknowledge)
    for name, find in filling.SEARCHES.items():
        app.options(name)(listeners.suggestion(find))
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
                if interaction.is_new:
                    do(interaction)
            except Refused as refused:
                interaction.tell(Message(escape(_sentence(refused))))
            except Exception as error:  # noqa: BLE001 - a bug of ours is told to the person too
                interaction.tell(Message(bug(error)))

        return run

    def first(self, do: Lazy) -> Callable[[Args], None]:
        """For what is done before the acknowledgement, so that whatever comes next finds it done."""

        def run(args: Args) -> None:
            try:
                do(Interaction(args, self._service, self._directory))
            except Refused as refused:  # told by what runs after the acknowledgement, which meets it too
                log.info("not done: %s", refused)
            except Exception as error:  # noqa: BLE001 - a bug of ours; the acknowledgement has to come all the same
                bug(error)
            args.ack()

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
                answer = _beside_first(view, bug(error))
            args.ack(**(answer or {}))

        return run

    def suggestion(self, find: Callable[[Interaction], list[JSON]]) -> Callable[[Args], None]:
        """For what is searched as somebody types; Slack shows no words of ours where nothing is found."""

        def run(args: Args) -> None:
            try:
                args.ack(options=find(Interaction(args, self._service, self._directory)))
            except Refused:
                args.ack(options=[])

        return run


# The slash command


def _command(interaction: Interaction) -> None:
    command = commands.parse(interaction.args.body.get("text", ""))
    do = _VERBS.get(command.verb)
    if do is None:
        raise NotFound(f"/platform does not know “{command.verb}”. /platform help says what it knows.")
    do(interaction, command)
    interaction.prepare()


def _open_catalogue(interaction: Interaction, _command: commands.Command | None = None, problem: str = "") -> None:
    interaction.open(views.catalogue(interaction.service.offered(), problem))


def _shortcut(interaction: Interaction) -> None:
    _open_catalogue(interaction)
    interaction.prepare()


def _request(interaction: Interaction, command: commands.Command) -> None:
    if not command.words:
        _open_catalogue(interaction)
        return
    try:
        offering = interaction.service.offering(command.words[0])
    except NotFound as unknown:
        _open_catalogue(interaction, problem=str(unknown))
        return
    answers, problems = contract.typed(offering.guarded, command.pairs, interaction.zone)
    stray = [Problem("", f"“{word}” is no field=value.") for word in command.words[1:]]
    about = About(offering=offering.name, version=offering.version)
    interaction.open(windows.opened(interaction, about, answers, [*problems, *stray]))


def _change_typed(interaction: Interaction, command: commands.Command) -> None:
    if not command.words:
        raise NotFound("Say which: /platform change INS-7 field=value. /platform list shows what you have.")
    _open_change(interaction, command.words[0], command)


def _list(interaction: Interaction, _command: commands.Command) -> None:
    service, person = interaction.service, interaction.person

    def title(name: str, version: str) -> str:
        offering = service.catalogue.offering(name, version)
        return offering.title if offering else name

    open_ones = service.mine(person, open_only=True).items
    instances = service.instances(person).items
    interaction.tell(listings.mine(instances, open_ones, title, interaction.words, service.renewal))


def _waiting(interaction: Interaction, _command: commands.Command) -> None:
    page = interaction.service.waiting(interaction.person)
    interaction.tell(listings.waiting(page.items, interaction.words, more=page.next is not None))


def _show(interaction: Interaction, command: commands.Command) -> None:
    if not command.words:
        raise NotFound("Say which: /platform show REQ-12")
    _tell_story(interaction, command.words[0])


def _tell_story(interaction: Interaction, number: str, page: int = 1) -> None:
    story = interaction.service.story(interaction.person, number)
    interaction.tell(stories.page(story, interaction.words(story.record), page))


def _help(interaction: Interaction, _command: commands.Command) -> None:
    interaction.tell(Message(listings.HELP))


_VERBS: Mapping[str, Callable[[Interaction, commands.Command], None]] = {
    "": _open_catalogue,
    "catalogue": _open_catalogue,
    "request": _request,
    "change": _change_typed,
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
    interaction.open(views.reason(REJECT, about, title=title, question=question, submit="Reject"))


def _complete(interaction: Interaction) -> None:
    target = interaction.target
    record, asked = interaction.service.may_answer(interaction.person, target.number, target.step or "")
    if not asked["outputs"]:
        interaction.service.complete(interaction.person, record.number, target.step or "")
        interaction.confirm(f"Thank you: {target.step} of {record.number} is done.")
        return
    interaction.open(windows.opened(interaction, About(number=record.number, step=target.step or "")))


def _refuse(interaction: Interaction) -> None:
    target = interaction.target
    record, _ = interaction.service.may_answer(interaction.person, target.number, target.step or "")
    about = About(number=record.number, step=target.step or "")
    title, question = f"Can't do {record.number}", "Why can't it be done?"
    interaction.open(views.reason(REFUSE, about, title=title, question=question, submit="Can't do"))


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
    about = About(offering=record.offering, version=record.version, number=record.number)
    interaction.open(windows.opened(interaction, about))


def _change(interaction: Interaction) -> None:
    _open_change(interaction, interaction.target.number)


def _open_change(interaction: Interaction, number: str, command: commands.Command | None = None) -> None:
    """The form of an instance with the answers of today, and those that were typed behind the command."""
    instance, offering = interaction.service.may_update(interaction.person, number)
    about = About(offering=offering.name, version=offering.version, number=instance.number)
    answers, problems = contract.typed(offering.guarded, command.pairs if command else [], interaction.zone)
    stray = [Problem("", f"“{word}” is no field=value.") for word in (command.words[1:] if command else ())]
    interaction.open(windows.opened(interaction, about, answers, [*problems, *stray]))


def _delete(interaction: Interaction) -> None:
    number = interaction.target.number
    record, _ = interaction.service.delete(interaction.person, number)
    waits = f" It waits for {interaction.words(record).deciders(record)}." if record.rules else ""
    interaction.confirm(f"{record.number} asks for the end of {number}.{waits}")


def _story(interaction: Interaction) -> None:
    _tell_story(interaction, interaction.target.number, interaction.target.page or 1)


def _renew(interaction: Interaction) -> None:
    target = interaction.target
    renewed = interaction.service.renew(interaction.person, target.number, seen=target.revision or 0)
    until = f" until {words.end(renewed.expires_at)}" if renewed.expires_at else ""
    interaction.confirm(f"{renewed.number} is renewed{until}.")


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
    "change": _change,
    "delete": _delete,
    "story_back": _story,
    "story_more": _story,
    "renew": _renew,
}

# Submitted views


def _pick(interaction: Interaction, view: JSON) -> JSON:
    selected = view["state"]["values"].get(views.OFFERING, {}).get("value", {}).get("selected_option")
    if not selected:
        raise Invalid([], "Choose what you need.")
    offering = interaction.service.offering(selected["value"])
    about = About(offering=offering.name, version=offering.version)
    return {"response_action": "update", "view": checked_view(windows.opened(interaction, about))}


def _submit(interaction: Interaction, view: JSON) -> JSON | None:
    about, service = About.read(view), interaction.service
    key = f"slack:{view.get('root_view_id') or view['id']}"

    def hand_in(answers: JSON, draft: str) -> JSON:
        person = interaction.person
        if about.number:
            asked = service.ask_change(person, about.number, answers, version=about.version, key=key, draft=draft)
        else:
            asked = service.ask(person, about.offering, answers, version=about.version, key=key, draft=draft)
        offering = service.offering(about.offering, about.version)
        # Slack is asked nothing now: it waits for this answer.
        words = Words(offering, interaction.directory.remembered_mention)
        confirmation = views.confirmation(asked, words, usual=views.usual(service.described(offering)))
        return {"response_action": "update", "view": checked_view(confirmation)}

    return filling.submitted(interaction, hand_in)


def _submit_edit(interaction: Interaction, view: JSON) -> JSON | None:
    number = About.read(view).number

    def hand_in(answers: JSON, draft: str) -> None:
        interaction.service.edit(interaction.person, number, answers, draft=draft)

    return filling.submitted(interaction, hand_in)


def _submit_rejection(interaction: Interaction, view: JSON) -> None:
    about = About.read(view)
    interaction.service.reject(interaction.person, about.number, _written(view), revision=about.revision)


def _submit_refusal(interaction: Interaction, view: JSON) -> None:
    about = About.read(view)
    interaction.service.refuse(interaction.person, about.number, about.step, _written(view))


def _submit_outputs(interaction: Interaction, view: JSON) -> JSON | None:
    about = About.read(view)

    def hand_in(outputs: JSON, draft: str) -> None:
        interaction.service.complete(interaction.person, about.number, about.step, outputs, draft=draft)

    return filling.submitted(interaction, hand_in)


def _stale_view(_interaction: Interaction, _view: JSON) -> JSON:
    raise Conflict(STALE)


_SUBMISSIONS: Mapping[str, Submission] = {
    FORM: _submit,
    CATALOGUE: _pick,
    CHANGE: _submit,
    EDIT: _submit_edit,
    REJECT: _submit_rejection,
    REFUSE: _submit_refusal,
    COMPLETE: _submit_outputs,
}

# Answers


def _written(view: JSON) -> str:
    return str(view["state"]["values"].get(views.REASON, {}).get("value", {}).get("value") or "")


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


def _acknowledge(ack: Ack) -> None:
    ack()


def _no_options(ack: Ack) -> None:
    ack(options=[])


def _unforeseen(error: Exception, body: JSON) -> BoltResponse:
    """The last net: what no listener caught, for example a payload of a kind that nobody listens to."""
    told = bug(error)
    if body.get("type") == "view_submission":
        return BoltResponse(status=200, body=_beside_first(body["view"], told))
    if body.get("command"):
        return BoltResponse(status=200, body={"response_type": "ephemeral", "text": told})
    if body.get("type") == "event_callback":  # Slack sends it again
        return BoltResponse(status=500, body="")
    return BoltResponse(status=200, body="")
