"""Text and elements of the workspace's page, without a page."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from bot.demo.page import elements
from bot.demo.page.blocks import Reader


class Names:
    """A workspace of two people, a channel and a group, as Ada sees it."""

    def person(self, ident: str) -> str:
        return {"U1": "Ada", "U2": "Grace <b>"}.get(ident, "")

    def room(self, ident: str) -> tuple[str, str]:
        return {"C1": "general"}.get(ident, ""), f"/as/ada/{ident}"

    def group(self, ident: str) -> str:
        return {"S1": "dba"}.get(ident, "")

    def href(self, url: str) -> str:
        return url.removeprefix("http://here")

    def concerns(self, ident: str) -> bool:
        return ident == "U1"


ada = Reader(Names(), ZoneInfo("Europe/Paris"), lambda: 1_790_000_000.0)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*bold* _it_ ~gone~", "<strong>bold</strong> <em>it</em> <s>gone</s>"),
        ("*bold with _it_ inside*", "<strong>bold with <em>it</em> inside</strong>"),
        ("snake_case_name 2*3*4", "snake_case_name 2*3*4"),
        ("`a < b *c*`", "<code>a &lt; b *c*</code>"),
        ("```\nx &lt; *y*\n```", "<pre><code>x &lt; *y*</code></pre>"),
        ("<script>alert(1)</script>", "scriptalert(1)/script"),
        ("&lt;script&gt; &amp;amp; &lt;!channel&gt;", "&lt;script&gt; &amp;amp; &lt;!channel&gt;"),
        ("<@U1> <@U9|old>", '<span class="mention mention-me">@Ada</span> <span class="mention">@U9</span>'),
        ("<@U2>", '<span class="mention">@Grace &lt;b&gt;</span>'),
        ("<!subteam^S1>", '<span class="mention">@dba</span>'),
        ("<!here>", '<span class="mention mention-me">@here</span>'),
        ("<#C1>", '<a class="mention" href="/as/ada/C1">#general</a>'),
        ("<http://here/archives/C1/p1|the card>", '<a href="/archives/C1/p1">the card</a>'),
        ("<javascript:alert(1)|click>", "click"),
        ("<mailto:a@b.c>", '<a href="mailto:a@b.c" target="_blank" rel="noopener noreferrer">a@b.c</a>'),
        ("&gt; one\n&gt; two\nthree", "<blockquote>one\ntwo</blockquote>three"),
        (":tada: :unknown: 10:30:15", "🎉 :unknown: 10:30:15"),
        ("one\ntwo", "one\ntwo"),
        ("", ""),
    ],
)
def test_mrkdwn_becomes_html(text: str, html: str) -> None:
    assert ada.mrkdwn(text) == html


def test_a_link_carries_its_query_and_says_that_it_leaves() -> None:
    assert ada.mrkdwn("<https://x.test/?a=1&amp;b=2|x &amp; y>") == (
        '<a href="https://x.test/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">x &amp; y</a>'
    )


def test_a_date_is_in_the_readers_time_zone() -> None:
    stamp = 1_790_000_000  # 2026-09-21 14:13:20 UTC
    assert ">today 16:13<" in ada.mrkdwn(f"<!date^{stamp}^{{date_short_pretty}} {{time}}|never>")
    assert ">September 22, 2026<" in ada.mrkdwn(f"<!date^{stamp + 86400 * 1}^{{date}}|never>")
    assert ada.mrkdwn("<!date^soon^{date}|never & ever>") == "never &amp; ever"


def test_plain_text_interprets_emoji_only() -> None:
    assert ada.text({"type": "plain_text", "text": "*a* <@U1> :tada:"}) == "*a* &lt;@U1&gt; 🎉"
    assert ada.text({"type": "plain_text", "text": ":tada:", "emoji": False}) == ":tada:"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# Title\ntext **bold** [x](https://x.test)", "<h3>Title</h3>text <strong>bold</strong> "),
        ("- one\n- [x] two", "• one\n☑ two"),
        ("```python\nx = 1\n```", "<pre><code>x = 1</code></pre>"),
        ("> said\nback", "<blockquote>said</blockquote>back"),
        ("<b>raw</b>", "b"),
    ],
)
def test_markdown_becomes_html_without_raw_html(text: str, html: str) -> None:
    shown = ada.markdown(text)
    assert shown.startswith(html)
    assert "<b>" not in shown


@given(st.text(alphabet="<>&\"'*_~`:|!@#^ab\n/.", max_size=60))
def test_nothing_typed_becomes_a_tag_or_an_attribute_of_its_own(text: str) -> None:
    for shown in (ada.mrkdwn(text), ada.markdown(text), ada.mrkdwn(str(escape(text)))):
        tags = {part.split(">")[0].split(" ")[0].strip("/") for part in shown.split("<")[1:]}
        assert tags <= {"strong", "em", "s", "code", "pre", "a", "span", "blockquote", "h3", "hr", "time"}


class People:
    def people(self) -> list[tuple[str, str]]:
        return [("U1", "Ada"), ("U2", "Grace")]

    def places(self, kind: str) -> list[tuple[str, str]]:
        return [("C1", "#general")]


def options(*names: str) -> list[dict[str, Any]]:
    return [{"text": {"type": "plain_text", "text": name.title()}, "value": name} for name in names]


def test_a_select_offers_its_options_its_groups_or_the_people() -> None:
    flat = elements.offered({"type": "static_select", "options": options("a", "b")}, People())
    assert [(label, [one.value for one in choices]) for label, choices in flat] == [("", ["a", "b"])]
    groups = [{"label": {"type": "plain_text", "text": "Letters"}, "options": options("a")}]
    assert elements.offered({"type": "multi_static_select", "option_groups": groups}, People())[0][0] == "Letters"
    assert elements.offered({"type": "users_select"}, People())[0][1][1].value == "U2"
    assert elements.offered({"type": "external_select"}, People()) == []


def test_an_element_holds_its_state_and_else_what_the_app_said_at_first() -> None:
    select = {"type": "static_select", "initial_option": options("a")[0]}
    assert [one.value for one in elements.held(select, None, People())] == ["a"]
    assert elements.held(select, {"type": "static_select", "selected_option": None}, People()) == []
    people = {"type": "multi_users_select"}
    assert [one.text for one in elements.held(people, {"selected_users": ["U2"]}, People())] == ["Grace"]


def test_a_moment_goes_to_the_browser_and_back_unchanged() -> None:
    element = {"type": "datetimepicker"}
    zone = ZoneInfo("Europe/Paris")
    shown = elements.typed(element, {"selected_date_time": 1_790_000_040}, zone)
    assert shown == "2026-09-21T16:14"
    assert elements.human(element, [shown], zone) == 1_790_000_040


def test_an_option_of_the_app_is_carried_whole_because_only_the_app_knows_its_values() -> None:
    element = {"type": "external_select"}
    [(_, [one])] = elements.grouped(options("a"), whole=True)
    assert elements.human(element, [one.value], ZoneInfo("UTC")) == {
        "text": {"type": "plain_text", "text": "A"},
        "value": "a",
    }
    assert elements.human(element, [""], ZoneInfo("UTC")) is None
    assert elements.held(element, {"selected_option": options("a")[0]}, People()) == [one]


def test_an_empty_field_is_none_and_an_empty_list_is_a_list() -> None:
    zone = ZoneInfo("UTC")
    assert elements.human({"type": "plain_text_input"}, [""], zone) is None
    assert elements.human({"type": "plain_text_input", "multiline": True}, ["a\r\nb"], zone) == "a\nb"
    assert elements.human({"type": "checkboxes"}, [""], zone) == []


@given(st.text(), st.text())
def test_a_fields_name_gives_back_both_ids(block: str, action: str) -> None:
    assert elements.unkey(elements.key(block, action)) == (block, action)


def test_a_name_that_is_not_a_fields_is_nobodys() -> None:
    assert elements.unkey("view") is None
    assert elements.unkey("[1]") is None
