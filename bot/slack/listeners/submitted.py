"""Windows that people submit: the acknowledgement is the answer, so all of it happens before."""

from collections.abc import Mapping

from bot.errors import Conflict, Invalid
from bot.slack import views
from bot.slack.forms import handing_in, windows
from bot.slack.forms.about import CATALOGUE, CHANGE, COMPLETE, EDIT, FORM, REFUSE, REJECT, STALE, About
from bot.slack.interaction import JSON, Interaction, Submission
from bot.slack.outgoing import checked_view
from bot.slack.words import Words


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

    return handing_in.submitted(interaction, hand_in)


def _submit_edit(interaction: Interaction, view: JSON) -> JSON | None:
    number = About.read(view).number

    def hand_in(answers: JSON, draft: str) -> None:
        interaction.service.edit(interaction.person, number, answers, draft=draft)

    return handing_in.submitted(interaction, hand_in)


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

    return handing_in.submitted(interaction, hand_in)


def stale(_interaction: Interaction, _view: JSON) -> JSON:
    """A window that nobody knows any more. Raises Conflict."""
    raise Conflict(STALE)


def _written(view: JSON) -> str:
    return str(view["state"]["values"].get(views.REASON, {}).get("value", {}).get("value") or "")


#: By the callback id of the window.
SUBMISSIONS: Mapping[str, Submission] = {
    FORM: _submit,
    CATALOGUE: _pick,
    CHANGE: _submit,
    EDIT: _submit_edit,
    REJECT: _submit_rejection,
    REFUSE: _submit_refusal,
    COMPLETE: _submit_outputs,
}
