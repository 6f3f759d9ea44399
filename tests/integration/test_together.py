"""Writes of one kind that come to a SQLite file at the same time are one transaction, and mean what they mean alone."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event, text

from bot.errors import Unavailable
from bot.store import together
from bot.store.database import Database, Tx
from bot.store.together import Together


class Words:
    """Writes words; the first one goes on when it may."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = Database(f"sqlite:///{path}")
        with self.database.write() as tx:
            tx.execute(text("CREATE TABLE word (word TEXT UNIQUE)"))
        self.inside, self.gathered = threading.Event(), threading.Event()
        self.together = Together(self.database, self._say)
        self.commits: list[object] = []
        event.listen(self.database.writer, "commit", self.commits.append)

    def write(self, *words: str) -> "list[Future[str]]":
        """All of them while the first one is under way."""
        with ThreadPoolExecutor(len(words)) as pool:
            futures = [pool.submit(self.together.write, words[0])]
            self.inside.wait(10)
            futures += [pool.submit(self.together.write, word) for word in words[1:]]
            while len(self.together._waiting) < len(words) - 1:
                threading.Event().wait(0.001)
            self.gathered.set()
        return futures

    def stored(self) -> set[str]:
        """What another connection sees."""
        with closing(sqlite3.connect(self.path)) as connection:
            return {word for (word,) in connection.execute("SELECT word FROM word")}

    def _say(self, tx: Tx, said: Sequence[str]) -> list[str]:
        self.inside.set()
        self.gathered.wait(10)
        for word in said:
            tx.execute(text("INSERT INTO word VALUES (:word)"), {"word": word})
            if word == "refused":
                raise ValueError(word)
            if word == "gone":
                raise Unavailable(word)
        return [word.upper() for word in said]


@pytest.fixture
def words(tmp_path: Path) -> Iterator[Words]:
    made = Words(tmp_path / "words.db")
    yield made
    made.database.close()


def test_what_comes_while_one_is_under_way_is_one_transaction_and_each_has_its_own_answer(words: Words) -> None:
    answers = words.write(*"abcde")
    assert [future.result() for future in answers] == [*"ABCDE"]
    assert words.stored() == {*"abcde"}
    assert len(words.commits) == 2


def test_who_is_refused_is_told_so_and_leaves_nothing_and_the_others_are_stored(words: Words) -> None:
    first, refused, last = words.write("a", "refused", "b")
    assert (first.result(), last.result()) == ("A", "B")
    with pytest.raises(ValueError, match="refused"):
        refused.result()
    assert words.stored() == {"a", "b"}


def test_what_stands_there_twice_is_refused_to_the_second(words: Words) -> None:
    first, one, other = words.write("a", "b", "b")
    assert first.result() == "A"
    assert [future.exception() is None for future in (one, other)] == [True, False]
    assert words.stored() == {"a", "b"}


def test_where_nobody_can_write_everybody_hears_it_and_nothing_is_stored(words: Words) -> None:
    first, *others = words.write("a", "b", "gone", "c")
    assert first.result() == "A"
    assert all(isinstance(future.exception(), Unavailable) for future in others)
    assert words.stored() == {"a"}
    assert words.together.write("d") == "D"  # and the next one is as before


def test_of_more_than_fit_into_one_transaction_all_are_stored(words: Words, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "_LARGEST", 3)
    answers = words.write(*"abcdefgh")
    assert [future.result() for future in answers] == [*"ABCDEFGH"]
    assert words.stored() == {*"abcdefgh"}


def test_an_interrupt_hands_the_turn_on(words: Words) -> None:
    class Interrupted(BaseException):
        pass

    def interrupted(tx: Tx, said: Sequence[str]) -> list[str]:
        raise Interrupted

    writing = Together(words.database, interrupted)
    with pytest.raises(Interrupted):
        writing.write("a")
    with pytest.raises(Interrupted):  # the turn was handed on
        writing.write("b")
    assert words.stored() == set()


def test_an_interrupt_while_others_are_waited_for_hands_the_turn_on(
    words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    words.gathered.set()
    with monkeypatch.context() as patched:
        patched.setattr("bot.store.together.time.sleep", interrupted)
        with pytest.raises(KeyboardInterrupt):
            words.together.write("a")
    assert words.together.write("b") == "B"
    assert words.stored() == {"b"}
