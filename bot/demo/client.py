"""One person's Slack client: what they can do, and what they see."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bot.demo.entities import JSON, Channel, Command, Message, Person, View

if TYPE_CHECKING:
    from bot.demo.workspace import Workspace


class NotOnScreen(LookupError):
    """The person cannot do that: there is no such button, field, channel or view on their screen."""


class Client:
    """One person's Slack client; `workspace.person("ada")` gives it. Every act waits for the app's acknowledgement.

    What the app does after it acknowledged (a lazy listener opens a modal) comes later: wait with `workspace.until`.
    Channels are named `#general`, by their id, or `@grace` / a person's id for a direct message. Acts that the
    screen does not offer raise NotOnScreen; what the client itself says (a command failed) is in `notice()`.
    """

    def __init__(self, workspace: "Workspace", person: Person) -> None: ...

    # -- what the person sees

    def channels(self) -> list[Channel]:
        """The sidebar: every public channel, the private ones and the direct messages that the person is in."""
        raise NotImplementedError

    def commands(self) -> list[Command]:
        """The slash commands that the installed apps offer, with description and usage hint."""
        raise NotImplementedError

    def sees(self, channel: str) -> list[Message]:
        """The messages in a channel, oldest first, with threads' replies (`thread_ts`) and this person's ephemerals."""
        raise NotImplementedError

    def view(self) -> View | None:
        """The modal on top of the stack."""
        raise NotImplementedError

    def views(self) -> list[View]:
        """The stack of modals, root first."""
        raise NotImplementedError

    def home(self) -> View | None:
        """The app's Home tab as last published for this person."""
        raise NotImplementedError

    def errors(self) -> dict[str, str]:
        """`{block_id: text}` beside the fields of the visible modal; empty without one."""
        raise NotImplementedError

    def notice(self) -> str | None:
        """What the client itself told the person at their last act (a command failed, no connection), if anything."""
        raise NotImplementedError

    # -- what the person does in a channel

    def say(self, channel: str, text: str, *, thread_ts: str = "") -> Message:
        """Write an ordinary message."""
        raise NotImplementedError

    def type_command(self, channel: str, line: str) -> None:
        """Type a line that begins with a slash command, for example `/platform request postgres`."""
        raise NotImplementedError

    def click(self, channel: str, ts: str, action_id: str, value: Any = None, *, block_id: str = "") -> None:
        """Press a button (`value` tells buttons with one action_id apart) or choose `value` in a select of a message."""
        raise NotImplementedError

    def open_home(self) -> None:
        """Look at the app's Home tab."""
        raise NotImplementedError

    def run_shortcut(self, callback_id: str, channel: str = "", ts: str = "") -> None:
        """Run a global shortcut, or with a message one of its message shortcuts."""
        raise NotImplementedError

    # -- what the person does in the visible modal

    def fill(self, values: Mapping[str, Any]) -> None:
        """Fill fields, by block_id, in human values.

        Text and numbers as they are typed; an option by its value or its text, a list of them in a multi-select or
        checkboxes; True and False for a lone checkbox; dates `2026-11-30`, times `14:05`, moments as Unix seconds;
        people `@grace`, channels `#general`. None empties a field. A field with `dispatch_action` tells the app.
        """
        raise NotImplementedError

    def press(self, action_id: str, value: Any = None, *, block_id: str = "") -> None:
        """Press a button (or choose `value` in a select) in the visible modal or, without one, in the Home tab."""
        raise NotImplementedError

    def submit(self) -> None:
        """Press the modal's submit button. What the client refuses by itself is in `errors()` and never sent."""
        raise NotImplementedError

    def close(self) -> None:
        """Press Cancel: the visible modal closes, the one under it is seen again."""
        raise NotImplementedError

    def close_all(self) -> None:
        """Press the x: all modals close."""
        raise NotImplementedError

    def suggest(self, block_id: str, text: str, *, action_id: str = "") -> list[JSON]:
        """Type into an external select of the visible modal; gives the app's options (or groups), as Slack shapes."""
        raise NotImplementedError
