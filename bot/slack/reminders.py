"""What approvers hear while a decision is awaited, and owners before the end of what they have. Pure."""

from bot.deadlines import Renewal
from bot.slack import buttons, words
from bot.slack.messages import Message
from bot.slack.text import escape, mrkdwn
from bot.slack.words import Words
from bot.store.records import CardRecord, EventRecord, InstanceRecord, RequestRecord


def reminder(record: RequestRecord, event: EventRecord, words_: Words, card: CardRecord | None) -> Message:
    """For one person who can decide: what is asked, since when, until when, with the buttons of the card."""
    asked = f"{words.person(record.requester)} asked on {words.moment(record.created_at)}"
    title = f"*{record.number} · {escape(words_.title(record))}*"
    text = f"{title} waits for your decision{words_.until(record)}. {asked}{_why(event)}"
    lines = [text, words_.in_short(record)]
    lines += [f"*Reason:* {words.shortened(record.reason, 500)}"] if record.reason else []
    lines += [f"<{card.link}|See its card>"] if card and card.link else []
    said = "\n".join(filter(None, lines))
    return Message(said, [_section(said), *buttons.for_approvers(record)])


def warning(instance: InstanceRecord, title: str, renewal: Renewal | None) -> Message:
    """For the owner: what ends and when, and how to keep it."""
    if instance.expires_at is None:
        raise ValueError(f"{instance.number} has no end to warn of")
    ends = f"*{instance.number} · {escape(title)}* ends on {words.end(instance.expires_at)}; then it is taken back."
    text = f"{ends}\n{_keeping(instance, renewal)}"
    return Message(text, [_section(text), *(buttons.for_owner(instance) if renewal else [])])


def _keeping(instance: InstanceRecord, renewal: Renewal | None) -> str:
    if renewal is None:
        return (
            "It cannot be renewed (any more): if you still need it, ask for a new one with /platform, or ask its team."
        )
    left = renewal.most - instance.renewals
    times = "once more" if left == 1 else f"{left} more times"
    return f"You can renew it {times}, each time by {words.in_units(renewal.by)}."


def _why(event: EventRecord) -> str:
    return ", and nobody decided in time, so you are asked too." if event.name == "escalated" else "."


def _section(text: str) -> words.JSON:
    return {"type": "section", "text": mrkdwn(text)}
