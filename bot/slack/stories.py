"""The whole story of a request for one person, in as many pages as it takes: nothing of it is cut. Pure."""

from collections.abc import Iterator
from typing import Any

from bot import story as told
from bot.lifecycle import AT_WORK, StepState
from bot.slack import buttons, messages, words
from bot.slack.buttons import Target
from bot.slack.messages import Message
from bot.slack.text import escape, mrkdwn, parts, plain_text
from bot.slack.words import Words
from bot.story import StepStory, Story, Turn

JSON = dict[str, Any]

#: Characters of a section, and of a page: less than Slack takes, and as much as somebody reads at once.
_SECTION, _PAGE = 2900, 8000


def page(story: Story, words_: Words, number: int = 1) -> Message:
    """One page, from 1; a number that there is no page for is the nearest."""
    record, pages = story.record, _pages(_sections(story, words_))
    shown = min(max(number, 1), len(pages))
    title = f"{record.number} · {words_.title(record)}"
    place = f"Page {shown} of {len(pages)} of its story." if len(pages) > 1 else ""
    blocks = [
        {"type": "header", "text": plain_text(title, 150)},
        *(_section(text) for text in pages[shown - 1]),
        *([{"type": "context", "elements": [mrkdwn(place)]}] if place else []),
        *messages.acts(record),
        *(buttons.for_cancel(record) if record.state in AT_WORK and not messages.has_failed(record) else []),
        *_turning(story, shown, len(pages)),
    ]
    text = " ".join(filter(None, [f"{escape(title)}.", words.headline(record, words_), place]))
    return Message(messages.in_short(text), blocks)


def _turning(story: Story, shown: int, count: int) -> list[JSON]:
    number = story.record.number
    before = [buttons.button("story_back", "Back", Target(number, page=shown - 1))] if shown > 1 else []
    after = [buttons.button("story_more", "More", Target(number, page=shown + 1))] if shown < count else []
    return buttons.actions(f"story-{story.record.id}-{shown}", *before, *after)


def _pages(sections: list[str]) -> list[list[str]]:
    pages: list[list[str]] = [[]]
    for text in sections:
        if pages[-1] and sum(map(len, pages[-1])) + len(text) > _PAGE:
            pages.append([])
        pages[-1].append(text)
    return pages


def _sections(story: Story, words_: Words) -> list[str]:
    """Paragraphs in as few sections as they fit into."""
    sections: list[str] = []
    for paragraph in _paragraphs(story, words_):
        for text in parts(paragraph, _SECTION):
            if not text.strip():
                continue
            if sections and len(sections[-1]) + len(text) < _SECTION:
                sections[-1] += f"\n{text}"
            else:
                sections.append(text)
    return sections


def _paragraphs(story: Story, words_: Words) -> Iterator[str]:
    record = story.record
    yield f"Asked for by {words.person(record.requester)} on {words.moment(record.created_at)}"
    if record.reason:
        yield f"*Reason:* {escape(record.reason)}"
    yield words.headline(record, words_)
    yield from (f"*{label}*\n{value}" for label, value in words_.all_answers(record))
    yield from (_step(step) for step in story.steps)
    for step in record.asking:
        if step.ask:
            yield f"*To do for {words_.who(step.ask['group'])}*\n{escape(step.ask['instructions'])}"
    if record.outputs:
        yield f"*Outputs*\n{words.outputs(record.outputs, most=None)}"
    yield _instance(story)
    yield from (f"*Not said:* {escape(told.unsaid(each))}{_again(each.again_at)}" for each in story.unsaid)
    yield "*What happened*"
    yield from map(_turn, story.turns)


def _step(step: StepStory) -> str:
    text = f"• *{escape(step.step.name)}* – {escape(step.step.description)}{words.link(step.step)}"  # noqa: RUF001 - a dash is meant
    text += f"\n    {escape(step.says)}"
    text += f", since {words.moment(step.since)}" if step.since else ""
    if step.until:
        name = "another worker takes it over" if step.step.state is StepState.RUNNING else "looked at again"
        text += f", {name} on {words.moment(step.until)}"
    return text


def _instance(story: Story) -> str:
    instance = story.instance
    state = f" is {instance.state}" if instance else ""
    until = f", until {words.moment(instance.expires_at)}" if instance and instance.expires_at else ""
    return f"{story.record.instance}{state}{until}."


def _again(at: Any) -> str:
    return f". The next attempt is on {words.moment(at)}" if at else ""


def _turn(turn: Turn) -> str:
    who = escape(turn.elsewhere) if turn.elsewhere else words.person(turn.person)
    return f"{words.moment(turn.at)} – {who}: {escape(turn.says)}"  # noqa: RUF001 - a dash is meant


def _section(text: str) -> JSON:
    return {"type": "section", "text": mrkdwn(text)}
