"""Questions with counted answers as radio buttons, checkboxes and selects. Pure.

Source: docs.slack.dev/reference/block-kit/block-elements and bot.slack.sizes.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.contract import Choice, Question, ranked
from bot.slack.forms.asking import ACTION, JSON, Shown, holds_empty, is_certain, most, placeholder
from bot.slack.rules import sizes
from bot.slack.text import clip, plain_text

#: Groups of the workspace: id and handle, without the `@`.
Groups = Sequence[tuple[str, str]]

YES, NO = "true", "false"
#: Stands among options from data when there are none: Slack has no other place to say why. Chosen, it is no answer.
UNAVAILABLE = "frontdesk:unavailable"
#: More than this many options hide in a select.
_FEW = 5


def token(choice: Choice) -> str:
    """An option's value: a text as it is, anything else as JSON, a hash where that is too long for Slack."""
    text = choice.value if isinstance(choice.value, str) and choice.value else json.dumps(choice.value)
    if len(text) <= sizes.OPTION_VALUE:
        return text
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def tokens(question: Question) -> dict[str, Choice]:
    """The options of a question by their values in Slack; numbered where a text and a number would look alike."""
    named = {token(choice): choice for choice in question.choices}
    different = {json.dumps(choice.value) for choice in question.choices}
    if len(named) == len(different):
        return named
    return {
        clip(f"{at} {json.dumps(each.value)}", sizes.OPTION_VALUE): each for at, each in enumerate(question.choices)
    }


def boolean(question: Question, value: Any) -> Shown:
    """One checkbox; a select of yes and no where saying nothing is a third answer."""
    yes, no = _option("Yes", YES), _option("No", NO)
    held = value is None or isinstance(value, bool)
    if is_certain(question):
        element: JSON = {"type": "checkboxes", "action_id": ACTION, "options": [yes]}
        return Shown(element | ({"initial_options": [yes]} if value is True else {}), held)
    element = {"type": "static_select", "action_id": ACTION, "options": [yes, no]} | placeholder(question)
    initial = {"initial_option": yes if value else no} if isinstance(value, bool) else {}
    return Shown(element | initial, held)


def _option(label: str, value: str) -> JSON:
    return {"text": plain_text(label, sizes.OPTION_TEXT), "value": value}


def _options(named: Mapping[str, str]) -> JSON:
    """Options by value and label; groups of a hundred where there are more, named by their first and last."""
    options = [_option(label, value) for value, label in named.items()]
    if len(options) <= sizes.OPTIONS:
        return {"options": options}
    parts = [options[start : start + sizes.OPTIONS] for start in range(0, len(options), sizes.OPTIONS)]
    return {"option_groups": [{"label": _span(part), "options": part} for part in parts]}


def select(named: Mapping[str, str], chosen: str) -> JSON:
    """A select of options by value and label, with one of them chosen."""
    return {"type": "static_select", **_options(named), "initial_option": _option(named[chosen], chosen)}


def _span(options: Sequence[JSON]) -> JSON:
    first, last = (clip(each["text"]["text"], sizes.GROUP_LABEL // 2 - 2) for each in (options[0], options[-1]))
    return plain_text(f"{first} – {last}", sizes.GROUP_LABEL)  # noqa: RUF001 - from, to


def enum(question: Question, value: Any) -> Shown:
    """Radio buttons for a few, a select for more; beyond Slack's hundred one that is searched as a person types."""
    named = tokens(question)
    # A radio button cannot be taken back, so what may stay empty is a select.
    radio = _at_once(question, named) and is_certain(question)
    element: JSON = {"type": "radio_buttons" if radio else "static_select", "action_id": ACTION}
    element |= _offered("external_select", named)
    element |= {} if radio else placeholder(question)
    chosen = _chosen(named, value)
    if chosen is None:
        return Shown(element, held=value is None)
    return Shown(element | {"initial_option": _option(named[chosen].label, chosen)}, held=True)


def _at_once(question: Question, named: Mapping[str, Choice]) -> bool:
    """Whether all options are seen at once, without a click."""
    most = {"select": 0, "radio": sizes.CHOICES}.get(question.widget, _FEW)
    return len(named) <= most


def _offered(searched: str, named: Mapping[str, Choice]) -> JSON:
    """The options of an element; of too many, that it asks for them."""
    if len(named) > sizes.OPTIONS:
        return {"type": searched, "min_query_length": 0}
    return {"options": [_option(choice.label, name) for name, choice in named.items()]}


def suggested(question: Question, text: str) -> list[JSON]:
    """The choices that a search finds, the nearest first."""
    named = {id(choice): name for name, choice in tokens(question).items()}
    found = ranked((choice for choice in question.choices if id(choice) in named), text)
    return [_option(choice.label, named[id(choice)]) for choice in found[: sizes.OPTIONS]]


def sourced(question: Question, value: Any) -> Shown:
    """A select whose options come from data, searched as a person types: until then a value is its own label."""
    several = question.kind == "list"
    element: JSON = {
        "type": f"{'multi_' if several else ''}external_select",
        "action_id": ACTION,
        "min_query_length": 0,
    }
    element |= (most(question) if several else {}) | placeholder(question)
    if value is None or value == []:
        return Shown(element, held=value is None or holds_empty(question))
    given = value if several and isinstance(value, list) else [value]
    named = [each for each in given if isinstance(each, str) and 0 < len(each) <= sizes.OPTION_VALUE]
    if not _holds(element, named) or len(named) != len(given):
        return Shown(element, held=False)
    options = [_option(each, each) for each in named]
    return Shown(element | ({"initial_options": options} if several else {"initial_option": options[0]}), held=True)


def from_data(offered: Sequence[Choice]) -> list[JSON]:
    """Options from data, as many as Slack shows. Raises ValueError for a value that Slack does not carry."""
    return [_from_data(choice) for choice in offered[: sizes.OPTIONS]]


def _from_data(choice: Choice) -> JSON:
    if not 0 < len(choice.value) <= sizes.OPTION_VALUE:
        raise ValueError(f"the option “{choice.label}” has a value of {len(choice.value)} characters, not 1 to 150")
    return _option(choice.label or choice.value, choice.value)


def no_data() -> list[JSON]:
    """In place of options that could not be looked up."""
    return [_option("⚠️ The choices could not be looked up. Search again.", UNAVAILABLE)]


def _chosen(named: Mapping[str, Choice], value: Any) -> str | None:
    """The option of a value; 1 and true are two values in JSON."""
    wanted = json.dumps(value)
    return next((name for name, choice in named.items() if json.dumps(choice.value) == wanted), None)


def multi(question: Question, value: Any) -> Shown:
    """Checkboxes for a few, a select for more, as `enum`."""
    named = tokens(question)
    few = _at_once(question, named)
    element: JSON = {"type": "checkboxes" if few else "multi_static_select", "action_id": ACTION}
    element |= _offered("multi_external_select", named)
    element |= {} if few else most(question) | placeholder(question)
    if value is None or value == []:
        return Shown(element, held=value is None or holds_empty(question))
    chosen = [_chosen(named, each) for each in value] if isinstance(value, list) else []
    if not _holds(element, chosen):
        return Shown(element, held=False)
    options = [_option(named[name].label, name) for name in chosen if name]
    return Shown(element | {"initial_options": options}, held=True)


def _holds(element: JSON, chosen: Sequence[str | None]) -> bool:
    """Slack shows each option once, and a hundred of them at most."""
    limit = min(sizes.OPTIONS, element.get("max_selected_items", sizes.OPTIONS))
    return bool(chosen) and None not in chosen and len(set(chosen)) == len(chosen) <= limit


def group(question: Question, value: Any, groups: Groups) -> Shown:
    """The workspace's groups by their handles; an id that is known becomes its handle."""
    named = {f"@{handle}": f"@{handle}" for _, handle in groups[: sizes.OPTIONS * sizes.OPTION_GROUPS]}
    ids = {group: f"@{handle}" for group, handle in groups}
    element: JSON = {"type": "static_select", "action_id": ACTION} | _options(named) | placeholder(question)
    chosen = ids.get(str(value), str(value))
    if chosen not in named:
        return Shown(element, held=value is None)
    return Shown(element | {"initial_option": _option(chosen, chosen)}, held=True)
