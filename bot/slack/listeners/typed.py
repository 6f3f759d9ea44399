"""What people type: the slash command, and the shortcuts that open its catalogue."""

from collections.abc import Callable, Mapping
from typing import Any

from bot import contract
from bot.errors import NotFound, Problem
from bot.offering import Offering
from bot.slack import commands, listings, stories, views
from bot.slack.forms import windows
from bot.slack.forms.about import About
from bot.slack.interaction import Interaction
from bot.slack.messages import Message
from bot.store.records import InstanceRecord


def command(interaction: Interaction) -> None:
    """Whatever stands behind `/platform`. Raises Refused."""
    line = commands.parse(interaction.args.body.get("text", ""))
    do = VERBS.get(line.verb)
    if do is None:
        raise NotFound(f"/platform does not know “{line.verb}”. /platform help says what it knows.")
    do(interaction, line)
    interaction.prepare()


def open_catalogue(interaction: Interaction, _command: commands.Command | None = None, problem: str = "") -> None:
    """What can be asked for, in a window."""
    interaction.open(views.catalogue(interaction.service.offered(), problem))


def shortcut(interaction: Interaction) -> None:
    """The catalogue, from Slack's own menus."""
    open_catalogue(interaction)
    interaction.prepare()


def open_form(interaction: Interaction, name: str) -> None:
    """The form of an offering, empty. Raises NotFound."""
    _open(interaction, interaction.service.offering(name))


def _open(
    interaction: Interaction,
    offering: Offering[Any],
    command: commands.Command | None = None,
    instance: InstanceRecord | None = None,
) -> None:
    """A form, with what was typed behind the command; `instance`: what it changes."""
    today, pairs = instance.form if instance else None, command.pairs if command else []
    answers, problems = contract.typed(offering.guarded, pairs, interaction.zone, today)
    stray = [Problem("", f"“{word}” is no field=value.") for word in (command.words[1:] if command else ())]
    about = About(offering=offering.name, version=offering.version, number=instance.number if instance else "")
    interaction.open(windows.opened(interaction, about, answers, [*problems, *stray]))


def _request(interaction: Interaction, command: commands.Command) -> None:
    if not command.words:
        open_catalogue(interaction)
        return
    try:
        offering = interaction.service.offering(command.words[0])
    except NotFound as unknown:
        open_catalogue(interaction, problem=str(unknown))
        return
    _open(interaction, offering, command)


def _change_typed(interaction: Interaction, command: commands.Command) -> None:
    if not command.words:
        raise NotFound("Say which: /platform change INS-7 field=value. /platform list shows what you have.")
    open_change(interaction, command.words[0], command)


def _list(interaction: Interaction, _command: commands.Command) -> None:
    interaction.tell(mine(interaction))


def mine(interaction: Interaction, room: int = listings.ROOM) -> Message:
    """What they have, and what they asked for that is not over."""
    service, person = interaction.service, interaction.person

    def title(name: str, version: str) -> str:
        offering = service.catalogue.offering(name, version)
        return offering.title if offering else name

    open_ones = service.mine(person, open_only=True).items
    instances = service.instances(person).items
    return listings.mine(instances, open_ones, title, interaction.words, service.renewal, room=room)


def _waiting(interaction: Interaction, _command: commands.Command) -> None:
    interaction.tell(waiting(interaction))


def waiting(interaction: Interaction, room: int = listings.ROOM) -> Message:
    """What waits for their decision or work."""
    page = interaction.service.waiting(interaction.person)
    return listings.waiting(page.items, interaction.words, more=page.next is not None, room=room)


def _show(interaction: Interaction, command: commands.Command) -> None:
    if not command.words:
        raise NotFound("Say which: /platform show REQ-12")
    tell_story(interaction, command.words[0])


def tell_story(interaction: Interaction, number: str, page: int = 1) -> None:
    """All that can be told of a request. Raises NotFound."""
    story = interaction.service.story(interaction.person, number)
    interaction.tell(stories.page(story, interaction.words(story.record), page))


def _help(interaction: Interaction, _command: commands.Command) -> None:
    interaction.tell(Message(listings.HELP))


def open_change(interaction: Interaction, number: str, command: commands.Command | None = None) -> None:
    """The form of an instance with the answers of today, and those that were typed behind the command."""
    instance, offering = interaction.service.may_update(interaction.person, number)
    _open(interaction, offering, command, instance)


#: What can stand behind `/platform`.
VERBS: Mapping[str, Callable[[Interaction, commands.Command], None]] = {
    "": open_catalogue,
    "catalogue": open_catalogue,
    "request": _request,
    "change": _change_typed,
    "list": _list,
    "waiting": _waiting,
    "show": _show,
    "help": _help,
}
