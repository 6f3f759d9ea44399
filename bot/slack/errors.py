"""What Slack's refusals mean for what we wanted to say. Their names: https://docs.slack.dev/reference/methods ."""

import logging
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from urllib.error import URLError

from slack_sdk.errors import SlackApiError

from bot.errors import Invalid, PermanentError, Refused, TemporaryError, Unavailable, Unreachable, Unsure

log = logging.getLogger(__name__)

#: The place is not there, or we may not speak there: it can be said in another one.
_NO_PLACE = frozenset(
    {
        "channel_not_found",
        "is_archived",
        "is_inactive",
        "not_in_channel",
        "restricted_action",
        "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel",
        "restricted_action_thread_locked",
        "restricted_action_thread_only_channel",
        "team_not_found",
    }
)
#: It cannot be said to this person, or not like that.
_NEVER = frozenset(
    {
        "user_not_found",
        "user_disabled",
        "cannot_dm_bot",
        "messages_tab_disabled",
        "msg_too_long",
        "no_text",
        "invalid_arguments",
    }
)
#: Somebody has to mend the installation; meanwhile everything waits.
_INSTALLATION = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope"}
)
#: Seconds until the installation is tried again.
_MENDED = 60.0
#: Seconds to rest where Slack does not say how long.
_REST = 30.0

#: Slack does not take our blocks; what they say can be said without them.
REFUSED_BLOCKS = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "block_mismatch", "invalid_attachments"}
)
#: The message that we wanted to change is gone, or is not ours any more.
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})

#: The three seconds of a click are over: https://docs.slack.dev/reference/methods/views.open#errors
_TOO_LATE = frozenset({"expired_trigger_id", "exchanged_trigger_id", "invalid_trigger_id", "trigger_expired"})

_SAID = {
    "channel_not_found": "there is no such channel, or Frontdesk may not see it",
    "is_archived": "the channel is archived",
    "is_inactive": "the channel is archived",
    "not_in_channel": "Frontdesk is not a member of the channel",
    "user_not_found": "there is no such person",
    "user_disabled": "the person has left",
}
#: Troubles of the line. A broken answer (IncompleteRead) is no OSError.
LINE = (OSError, HTTPException)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Slack's errors as ours: TemporaryError with Slack's own delay, Unsure, Unreachable or PermanentError."""
    try:
        yield
    except SlackApiError as error:
        raise _translation(what, error) from error
    except LINE as error:
        kind = TemporaryError if _never_left(error) else Unsure
        raise kind(f"{what}: Slack does not answer.") from error


@contextmanager
def looking_up() -> Iterator[None]:
    """Somebody cannot be looked up now, so nothing has been sent: what is said later is a TemporaryError's."""
    try:
        yield
    except Unavailable as error:
        raise TemporaryError(str(error)) from error


@contextmanager
def answering(what: str) -> Iterator[None]:
    """Slack's troubles while a person waits for `what`, in words for that person: Unavailable. A bug stays one."""
    try:
        yield
    except SlackApiError as error:
        name, status = name_of(error), error.response.status_code
        if name in _TOO_LATE:
            raise Unavailable(
                f"{what} came too late for Slack, which allows three seconds. Please try again."
            ) from error
        if is_limit(error) or status >= 500:
            raise Unavailable(f"{what} did not open: Slack is busy just now. Please try again.") from error
        raise
    except LINE as error:
        raise Unavailable(f"{what} did not open: Slack does not answer just now. Please try again.") from error


def name_of(error: SlackApiError) -> str:
    """Slack's name of the error, for example `is_archived`."""
    return str(error.response.get("error") or "unknown_error")


def reasons_of(error: SlackApiError) -> str:
    """Slack's name of the error, and what it says about it."""
    messages = error.response.get("response_metadata", {}).get("messages", [])
    return "; ".join([name_of(error), *map(str, messages)])


def is_limit(error: SlackApiError) -> bool:
    """Whether Slack asks for a rest."""
    return error.response.status_code == 429 or name_of(error) in {"ratelimited", "rate_limited"}


def rest_of(error: SlackApiError) -> float:
    """Seconds that Slack asks to rest for."""
    given = str(error.response.headers.get("Retry-After", ""))
    return float(given) if given.isdecimal() else _REST


def _translation(what: str, error: SlackApiError) -> TemporaryError | PermanentError:
    name = name_of(error)
    if is_limit(error):
        return TemporaryError(f"{what}: Slack asks for a rest.", delay=rest_of(error))
    if name in _NO_PLACE:
        return Unreachable(f"{what}: {_SAID.get(name, 'Slack refuses it')} ({name}).")
    if name in _NEVER | REFUSED_BLOCKS | GONE:
        return PermanentError(f"{what}: {_SAID.get(name, 'Slack refuses it')} ({name}).")
    if name in _INSTALLATION:
        return TemporaryError(
            f"{what}: Slack does not accept the app ({name}); reinstall it or mend its token.", delay=_MENDED
        )
    # Of internal_error and fatal_error Slack says that some of it may have been done; a name that we do not know, or an
    # answer that is no JSON, tells no more.
    return Unsure(f"{what}: Slack answers {name}.")


def _never_left(error: Exception) -> bool:
    """Whether nobody was there who could have taken it."""
    reason = error.reason if isinstance(error, URLError) else error
    return isinstance(reason, ConnectionRefusedError | socket.gaierror)


def sentence(refused: Refused) -> str:
    """What a refusal says where it has no field to stand at."""
    if isinstance(refused, Invalid) and refused.problems:
        return " ".join(problem.detail for problem in refused.problems)
    return str(refused)


def bug(error: BaseException) -> str:
    """What a person is told of a bug: an id, which the log has too."""
    error_id = secrets.token_hex(4)
    log.error("error %s", error_id, exc_info=error)
    return f"Something went wrong here (error {error_id}). Try again; if it stays, tell the platform's team that id."
