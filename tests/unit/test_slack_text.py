"""Texts for Slack: what people typed is escaped, cut where Slack cuts, and read back as it was typed."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.slack.text import clip, escape, plain_text, unescape

#: A slow machine is no failure.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_escaping_leaves_nothing_live() -> None:
    assert escape("<!channel> & <@U1>") == "&lt;!channel&gt; &amp; &lt;@U1&gt;"


@PATIENT
@given(st.text())
def test_what_was_escaped_reads_back(text: str) -> None:
    assert not set(escape(text)) & set("<>")
    assert unescape(escape(text)) == text


@PATIENT
@given(st.text(), st.integers(1, 50))
def test_a_cut_text_is_as_long_as_it_may_be_and_says_that_it_was_cut(text: str, most: int) -> None:
    cut = clip(text, most)
    assert cut == text if len(text) <= most else (len(cut) == most and cut.endswith("…"))


def test_a_command_reads_as_it_was_typed() -> None:
    assert unescape("lead=<@U012ABC|ada> in=<#C012ABC|general> <#C1> team=<!subteam^S1|@dba> <!here>") == (
        "lead=U012ABC in=C012ABC C1 team=S1 @here"
    )
    assert unescape("mail=<mailto:a@b.de|a@b.de> at=<https://x.y/z|x.y/z> a&amp;b &lt;c&gt; <d>") == (
        "mail=a@b.de at=https://x.y/z a&b <c> <d>"
    )
    assert plain_text(" ", 10)["text"] == "–"  # noqa: RUF001 - a dash is meant
