"""Wiki markup from people is harmless, and nothing is longer than Jira takes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.handlers.jira import escape
from bot.handlers.jira.markup import SUMMARY_LIMIT, TEXT_LIMIT, body, fit, summary, units


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[~accountid:5b10]", r"\[\~accountid:5b10\]"),
        ("*bold* _it_ -del- +ins+", r"\*bold\* \_it\_ \-del\- \+ins\+"),
        ("{code}x{code}", r"\{code\}x\{code\}"),
        ("!http://evil/x.png!", r"\!http://evil/x.png\!"),
        ("||head|cell|", r"\|\|head\|cell\|"),
        ("??cited??", r"\?\?cited\?\?"),
        ("really? yes", "really? yes"),
        ("orders-db_1 a+b", "orders-db_1 a+b"),
        ("a -- b --- c", r"a \-\- b \-\-\- c"),
        ("----", r"\-\-\-\-"),
        ("# one\n  ## two", "\\# one\n  \\## two"),
        ("issue #5", "issue #5"),
        ("h1. Loud\nbq. quoted", "\u200bh1. Loud\n\u200bbq. quoted"),
        ("C:\\temp\\\\x", "C:&#92;temp&#92;&#92;x"),
        ("&#91;x&amp;y & z", "&#38;#91;x&#38;amp;y & z"),
        ("a\r\nb\rc\x00\x1b", "a\nb\nc"),
        ("مرحبا 👋 “quoted”", "مرحبا 👋 “quoted”"),
    ],
)
def test_text_is_shown_as_it_was_typed(text: str, shown: str) -> None:
    assert escape(text) == shown


@given(st.text())
def test_no_bracket_brace_bar_or_tilde_stays_active_whatever_is_typed(text: str) -> None:
    assert not re.search(r"(?<!\\)[{}\[\]|!^~*]", escape(text))
    assert "\\\\" not in escape(text)


@given(st.text(alphabet=st.sampled_from("a\\*&# \n😀"), max_size=80), st.integers(min_value=6, max_value=60))
def test_what_is_cut_fits_and_never_ends_in_half_an_escape(text: str, limit: int) -> None:
    cut = fit(escape(text), limit)
    assert units(cut) <= limit
    if cut != escape(text):
        assert cut.endswith(" […]")
        assert not re.search(r"(\\|&#?\w{0,4}) \[…\]$", cut)


def test_a_summary_is_one_line_of_at_most_255_units() -> None:
    assert summary("  a\nb\tc ") == "a b c"
    assert units(summary("😀" * 3000)) <= SUMMARY_LIMIT
    assert summary("*stars* stay") == "*stars* stay"


def test_the_footer_of_a_long_text_stays_whole() -> None:
    long = body("x" * 40_000, "frontdesk 0123456789ab")
    assert units(long) == TEXT_LIMIT
    assert long.endswith("[…]\n\nfrontdesk 0123456789ab")
