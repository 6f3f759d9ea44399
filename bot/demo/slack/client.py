"""One person's Slack client: what they can do, and what they see."""

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bot.demo.slack import acknowledgements, files_api, inputs, interactions
from bot.demo.slack.delivery import deliver
from bot.demo.slack.entities import JSON, App, Channel, Command, Delivery, Message, Person, View
from bot.demo.slack.inputs import NotOnScreen
from bot.slack.rules.elements import TYPED_INPUTS, options_of

if TYPE_CHECKING:
    from bot.demo.slack.workspace import Workspace

__all__ = ["Client", "NotOnScreen"]

NO_ANSWER = "This did not work: the app did not answer. Try again?"


class Client:
    """One person's Slack client; `workspace.person("ada")` gives it. Every act waits for the app's acknowledgement.

    What the app does after it acknowledged (a lazy listener opens a modal) comes later: wait with `workspace.until`.
    Channels are named `#general`, by their id, or `@grace` / a person's id for a direct message. Acts that the
    screen does not offer raise NotOnScreen; what the client itself says (a command failed) is in `notice()`.
    """

    def __init__(self, workspace: "Workspace", person: Person) -> None:
        self.workspace, self.me = workspace, person

    # -- what the person sees

    def channels(self) -> list[Channel]:
        """The sidebar: every public channel, the private ones and the direct messages that the person is in."""
        with self.workspace.reading():
            listed = list(self.workspace.channels.values())
        return [channel for channel in listed if self._may_see(channel)]

    def commands(self) -> list[Command]:
        """The slash commands that the installed apps offer, with description and usage hint."""
        return [command for app in self.workspace.apps.values() for command in app.commands]

    def sees(self, channel: str) -> list[Message]:
        """The messages in a channel, oldest first, with threads' replies (`thread_ts`) and this person's ephemerals."""
        place = self._place(channel)
        return [message for message in self.workspace.messages(place.id) if message.only_for in {"", self.me.id}]

    def view(self) -> View | None:
        """The modal on top of the stack."""
        views = self.views()
        return views[-1] if views else None

    def views(self) -> list[View]:
        """The stack of modals, root first."""
        with self.workspace.reading():
            return list(self.workspace.stacks.get(self.me.id, ()))

    def home(self) -> View | None:
        """The app's Home tab as last published for this person."""
        return self.workspace.homes.get(self.me.id)

    def errors(self) -> dict[str, str]:
        """`{block_id: text}` beside the fields of the visible modal; empty without one."""
        view = self.view()
        return dict(view.errors) if view else {}

    def notice(self) -> str | None:
        """What the client itself told the person at their last act (a command failed, no connection), if anything."""
        return self.workspace.notices.get(self.me.id)

    # -- what the person does in a channel

    def say(self, channel: str, text: str, *, thread_ts: str = "") -> Message:
        """Write an ordinary message."""
        self._told(None)
        return self.workspace.add_message(
            Message(self._place(channel).id, "", self.me.id, text=text, thread_ts=thread_ts)
        )

    def type_command(self, channel: str, line: str) -> None:
        """Type a line that begins with a slash command, for example `/platform request postgres`."""
        place = self._place(channel)
        name, _, text = line.partition(" ")
        self._told(None)
        for app in self.workspace.apps.values():
            for command in app.commands:
                if command.name == name:
                    self._run_command(app, command, place, line, text.strip())
                    return
        self._told(f"{name} is not a valid command.")

    def _run_command(self, app: App, command: Command, place: Channel, line: str, text: str) -> None:
        text = interactions.escaped(self.workspace, text) if command.should_escape else text
        payload = interactions.slash_command(self.workspace, app, self.me, place, command.name, text)
        self._told(acknowledgements.of_command(self.workspace, app, payload, line, self._deliver(app, payload)))

    def click(self, channel: str, ts: str, action_id: str, value: Any = None, *, block_id: str = "") -> None:
        """Press a button (`value` tells buttons with one action_id apart) or choose `value` in a select of a message."""
        message = self._message(channel, ts)
        app = self.workspace.apps.get(message.app_id)
        if app is None:
            raise NotOnScreen(f"no app has sent {ts}")
        block, element = _element(message.blocks, action_id, block_id, value)
        action = self._action(block, element, value)
        state = {block["block_id"]: {action_id: _only_state(action)}} if element["type"] in inputs.ANSWERS else {}
        payload = interactions.message_action(self.workspace, app, self.me, message, action, state)
        self._act(app, payload)

    def join(self, channel: str) -> None:
        """Become a member of a channel that one sees; the apps that are in it hear of it."""
        self._move(self._place(channel), "member_joined_channel")

    def leave(self, channel: str) -> None:
        """Be no member any longer; the apps that are in it hear of it."""
        self._move(self._place(channel), "member_left_channel")

    def open_home(self) -> None:
        """Look at the app's Home tab."""
        for app in self.workspace.apps.values():
            home = self.home()
            body: JSON = {"type": "app_home_opened", "user": self.me.id, "tab": "home"}
            body["channel"] = self.workspace.direct(self.me.id, app.user_id).id
            if home is not None:
                body["view"] = home.as_json(app.bot_id)
            self._deliver(app, interactions.event(self.workspace, app, body))

    def run_shortcut(self, callback_id: str, channel: str = "", ts: str = "") -> None:
        """Run a global shortcut, or with a message one of its message shortcuts."""
        message = self._message(channel, ts) if channel else None
        for app in self.workspace.apps.values():
            self._act(app, interactions.shortcut(self.workspace, app, self.me, callback_id, message))

    # -- what the person does in the visible modal

    def fill(self, values: Mapping[str, Any], *, enter: bool = True) -> None:
        """Fill fields, by block_id, in human values.

        Text and numbers as they are typed; an option by its value or its text, a list of them in a multi-select or
        checkboxes; True and False for a lone checkbox; dates `2026-11-30`, times `14:05`, moments as Unix seconds;
        people `@grace`, channels `#general`. None empties a field. A field with `dispatch_action` tells the app;
        without `enter`, a text does so only where it tells of each character.
        """
        for block_id, value in values.items():
            view = self._shown()
            block, element = _field(view, block_id)
            self._type(view, block, element, value)
            if block.get("dispatch_action") and (enter or _tells_of_characters(element)):
                self._dispatch(view, block, element)

    def choose_files(self, block_id: str, *files: tuple[str, bytes]) -> None:
        """Choose files by name and content in a file input; none takes back those that were chosen."""
        _, element = _field(self._shown(), block_id)
        if element["type"] != "file_input" or any(len(content) > files_api.LARGEST for _, content in files):
            raise NotOnScreen(f"{block_id} does not take these files")
        self.fill({block_id: [files_api.keep(self.workspace, self.me.id, *each) for each in files]})

    def press(self, action_id: str, value: Any = None, *, block_id: str = "") -> None:
        """Press a button (or choose `value` in a select) in the visible modal or, without one, in the Home tab."""
        view = self.view() or self.home()
        if view is None:
            raise NotOnScreen("there is no modal and no Home tab")
        block, element = _element(view.blocks, action_id, block_id, value)
        if element["type"] in inputs.ANSWERS:
            self._type(view, block, element, value)
            self._dispatch(view, block, element)
        else:
            self._act_in_view(view, self._action(block, element, value))

    def submit(self) -> None:
        """Press the modal's submit button. What the client refuses by itself is in `errors()` and never sent."""
        view = self._shown()
        if not view.body.get("submit"):
            raise NotOnScreen(f"{view.title} has no submit button")
        self._told(None)
        with self.workspace.changing():
            view.errors = inputs.refusals(view.body, view.values)
            if view.errors:
                return
        app = self.workspace.apps[view.app_id]
        payload = interactions.view_submission(self.workspace, app, self.me, view)
        self._told(acknowledgements.of_submission(self.workspace, app, view, self._deliver(app, payload)))

    def close(self) -> None:
        """Press Cancel: the visible modal closes, the one under it is seen again.

        A view with `clear_on_close` takes the whole stack along.
        """
        view = self._shown()
        if view.body.get("clear_on_close"):
            self.close_all()
            return
        with self.workspace.changing():
            self.workspace.stacks[self.me.id].remove(view)
        self._tell_closed(view, cleared=False)

    def close_all(self) -> None:
        """Press the x: all modals close. The app hears it of each that has `notify_on_close`."""
        self._shown()
        with self.workspace.changing():
            views = self.workspace.stacks.pop(self.me.id, [])
        for view in reversed(views):
            self._tell_closed(view, cleared=True)

    def suggest(self, block_id: str, text: str, *, action_id: str = "") -> list[JSON]:
        """Type into an external select of the visible modal; gives the app's options (or groups), as Slack shapes."""
        view = self._shown()
        block, element = _element(view.blocks, action_id, block_id, None)
        if "external" not in element["type"]:
            raise NotOnScreen(f"{block_id} is not an external select")
        if len(text) < element.get("min_query_length", 3):
            return []
        app = self.workspace.apps[view.app_id]
        payload = interactions.block_suggestion(
            self.workspace, app, self.me, view, block["block_id"], element["action_id"], text
        )
        return acknowledgements.of_suggestion(self.workspace, self._deliver(app, payload))

    # -- how

    def _deliver(self, app: App, payload: JSON) -> Delivery:
        return deliver(self.workspace, app, payload)

    def _move(self, place: Channel, event: str) -> None:
        with self.workspace.changing():
            place.members = [member for member in place.members if member != self.me.id]
            place.members += [self.me.id] if event == "member_joined_channel" else []
        body: JSON = {"type": event, "user": self.me.id, "channel": place.id, "team": self.workspace.team_id}
        for app in self.workspace.apps.values():
            if app.user_id in place.members:
                self._deliver(app, interactions.event(self.workspace, app, body))

    def _told(self, notice: str | None) -> None:
        with self.workspace.changing():
            self.workspace.notices.pop(self.me.id, None)
            if notice:
                self.workspace.notices[self.me.id] = notice

    def _act(self, app: App, payload: JSON) -> None:
        self._told(None)
        delivery = self._deliver(app, payload)
        self._told(None if delivery.status == 200 else NO_ANSWER)

    def _act_in_view(self, view: View, action: JSON) -> None:
        app = self.workspace.apps[view.app_id]
        self._act(app, interactions.view_action(self.workspace, app, self.me, view, action))

    def _dispatch(self, view: View, block: JSON, element: JSON) -> None:
        state = view.values[block["block_id"]][element["action_id"]]
        self._act_in_view(view, _identity(block, element) | state)

    def _type(self, view: View, block: JSON, element: JSON, value: Any) -> None:
        def suggest(text: str) -> list[JSON]:
            found = self.suggest(block["block_id"], text, action_id=element["action_id"])
            return options_of({"option_groups": found} if found and "options" in found[0] else {"options": found})

        state = inputs.typed(self.workspace, element, value, suggest)
        with self.workspace.changing():
            view.values[block["block_id"]][element["action_id"]] = state
            view.errors.pop(block["block_id"], None)

    def _action(self, block: JSON, element: JSON, value: Any) -> JSON:
        action = _identity(block, element)
        if element["type"] in inputs.ANSWERS:
            return action | inputs.typed(self.workspace, element, value, lambda _text: [])
        if element["type"] == "overflow":
            chosen = inputs.typed(self.workspace, element | {"type": "static_select"}, value, lambda _text: [])
            return action | {"selected_option": chosen["selected_option"]}
        return action | {key: copy.deepcopy(element[key]) for key in ("text", "value", "style") if key in element}

    def _tell_closed(self, view: View, *, cleared: bool) -> None:
        app = self.workspace.apps[view.app_id]
        if view.body.get("notify_on_close"):
            self._deliver(app, interactions.view_closed(self.workspace, app, self.me, view, cleared=cleared))

    def _may_see(self, channel: Channel) -> bool:
        return self.me.id in channel.members or not (channel.private or channel.direct)

    def _place(self, channel: str) -> Channel:
        try:
            if channel.startswith("@") or channel in self.workspace.people:
                return self.workspace.direct(self.me.id, self.workspace.find_person(channel).id)
            place = self.workspace.channel(channel)
        except KeyError:
            raise NotOnScreen(f"{self.me.handle} sees no {channel}") from None
        if not self._may_see(place):
            raise NotOnScreen(f"{self.me.handle} sees no {channel}")
        return place

    def _message(self, channel: str, ts: str) -> Message:
        for message in self.sees(channel):
            if message.ts == ts:
                return message
        raise NotOnScreen(f"{self.me.handle} sees no message {ts} in {channel}")

    def _shown(self) -> View:
        view = self.view()
        if view is None:
            raise NotOnScreen(f"{self.me.handle} sees no modal")
        return view


def _identity(block: JSON, element: JSON) -> JSON:
    return {"type": element["type"], "action_id": element["action_id"], "block_id": block["block_id"]}


def _tells_of_characters(element: JSON) -> bool:
    """Whether an element tells of what is entered before Enter is pressed: all but texts do, these where they say so."""
    triggers = element.get("dispatch_action_config", {}).get("trigger_actions_on", ())
    return element["type"] not in TYPED_INPUTS or "on_character_entered" in triggers


def _only_state(action: JSON) -> JSON:
    return {key: item for key, item in action.items() if key not in {"action_id", "block_id"}}


def _field(view: View, block_id: str) -> tuple[JSON, JSON]:
    for block, element in inputs.fields(view.body):
        if block["block_id"] == block_id and block["type"] == "input":
            return block, element
    raise NotOnScreen(f"{view.title} has no field {block_id}")


def _element(blocks: list[JSON], action_id: str, block_id: str, value: Any) -> tuple[JSON, JSON]:
    """The element that is meant: by action_id (may be empty), by block_id if given, a button also by its value."""
    for block in blocks:
        for element in (block.get("element"), block.get("accessory"), *block.get("elements", ())):
            if not isinstance(element, dict) or "action_id" not in element:
                continue
            meant = action_id in {"", element["action_id"]} and block_id in {"", block["block_id"]}
            if meant and (element["type"] != "button" or value in {None, element.get("value")}):
                return block, element
    raise NotOnScreen(f"there is no {action_id or block_id}" + (f" with the value {value!r}" if value else ""))
