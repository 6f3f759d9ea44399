"""What Slack's refusals mean for what we wanted to say. Their names: https://docs.slack.dev/reference/methods ."""

from collections.abc import Iterator
from contextlib import contextmanager

from slack_sdk.errors import SlackApiError

from bot.errors import PermanentError, TemporaryError, Unavailable

#: The place or the person is not there, or we may not speak there.
_NEVER = frozenset(
    {
        "channel_not_found",
        "is_archived",
        "not_in_channel",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "user_not_found",
        "user_disabled",
        "cannot_dm_bot",
        "messages_tab_disabled",
        "team_not_found",
        "invalid_blocks",
        "msg_too_long",
        "no_text",
        "invalid_arguments",
    }
)
#: Somebody has to mend the installation; meanwhile everything waits.
_INSTALLATION = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope"}
)

#: The three seconds of a click are over: https://docs.slack.dev/reference/methods/views.open#errors
_TOO_LATE = frozenset({"expired_trigger_id", "exchanged_trigger_id", "invalid_trigger_id", "trigger_expired"})

_SAID = {
    "channel_not_found": "there is no such channel, or Frontdesk may not see it",
    "is_archived": "the channel is archived",
    "not_in_channel": "Frontdesk is not a member of the channel",
    "user_not_found": "there is no such person",
    "user_disabled": "the person has left",
}


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Slack's errors as ours: TemporaryError with Slack's own delay, or PermanentError."""
    try:
        yield
    except SlackApiError as error:
        raise _translation(what, error) from error
    except OSError as error:  # urllib's errors, time-outs and resets
        raise TemporaryError(f"{what}: Slack does not answer.") from error


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
        if status == 429 or status >= 500 or name == "ratelimited":
            raise Unavailable(f"{what} did not open: Slack is busy just now. Please try again.") from error
        raise
    except OSError as error:  # urllib's errors, time-outs and resets
        raise Unavailable(f"{what} did not open: Slack does not answer just now. Please try again.") from error


def name_of(error: SlackApiError) -> str:
    """Slack's name of the error, for example `is_archived`."""
    return str(error.response.get("error") or "unknown_error")


def _translation(what: str, error: SlackApiError) -> TemporaryError | PermanentError:
    name, status = name_of(error), error.response.status_code
    if status == 429 or name == "ratelimited":
        return TemporaryError(
            f"{what}: Slack asks for a rest.", delay=float(error.response.headers.get("Retry-After", 30))
        )
    if name in _NEVER:
        return PermanentError(f"{what}: {_SAID.get(name, 'Slack refuses it')} ({name}).")
    if name in _INSTALLATION:
        return TemporaryError(
            f"{what}: Slack does not accept the app ({name}); reinstall it or mend its token.", delay=60
        )
    return TemporaryError(f"{what}: Slack answers {name}.")
