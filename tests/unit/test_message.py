from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from bot.handler import Context, Done, Posting
from bot.handlers import message


def context() -> Context:
    return Context(
        key="REQ-1/tell",
        identity="INS-1/tell",
        state={},
        now=datetime(2026, 11, 2, tzinfo=UTC),
        save=lambda state: None,
        say=lambda text: None,
        secret=lambda name: "",
        cancelled=lambda: False,
    )


handler = message.PostHandler({})


def test_a_post_is_done_at_once_and_leaves_its_text_as_it_is() -> None:
    post = message.Post(channel="#news", text="<!channel> & friends *now*")
    assert handler.apply(post, context()) == Done(posts=(Posting("#news", "<!channel> & friends *now*"),))


def test_deleting_a_post_says_nothing_more() -> None:
    assert handler.delete(message.Post(channel="#news", text="Hello"), context()) == Done()


def test_its_plan_says_where_and_what() -> None:
    assert handler.plan(message.Post(channel="#news", text="Hello"), context()) == "Posts in #news: Hello"


@pytest.mark.parametrize("fields", [{"channel": "", "text": "a"}, {"channel": "#a", "text": ""}, {"channel": "#a"}])
def test_a_post_needs_a_channel_and_a_text(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        message.Post(**fields)
