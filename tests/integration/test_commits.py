"""Writers of one SQLite file share a commit, and nobody is told of one that did not happen."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event, text

from bot.errors import Unavailable
from bot.store.commits import Undone
from bot.store.database import Database, Tx


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shared.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{path}")
    with opened.write() as tx:
        tx.execute(text("CREATE TABLE word (word TEXT UNIQUE)"))
    yield opened
    opened.close()


@pytest.fixture
def commits(database: Database) -> list[object]:
    seen: list[object] = []
    event.listen(database.writer, "commit", seen.append)
    return seen


def words(path: Path) -> set[str]:
    """What another connection sees."""
    with closing(sqlite3.connect(path)) as connection:
        return {word for (word,) in connection.execute("SELECT word FROM word")}


def say(tx: Tx, word: str) -> None:
    tx.execute(text("INSERT INTO word VALUES (:word)"), {"word": word})


def saying(word: str) -> Callable[[Tx], None]:
    return lambda tx: say(tx, word)


class Again:
    """A write that can be run again; how often it was."""

    def __init__(self, body: Callable[[Tx], None]) -> None:
        self.body, self.times = body, 0

    def __call__(self, tx: Tx) -> None:
        self.times += 1
        self.body(tx)


def together(database: Database, *bodies: Callable[[Tx], None]) -> list[BaseException | None]:
    """Writes of which each goes on when the next one waits; how each ended."""

    def write(number: int) -> None:
        def do(tx: Tx) -> None:
            following = number + 1
            if following < len(bodies) and following not in futures:  # not where it is run again
                futures[following] = pool.submit(write, following)
                while database._shared is not None and not database._shared._waiting:
                    threading.Event().wait(0.001)
            bodies[number](tx)

        if isinstance(bodies[number], Again):
            database.run(do)
            return
        with database.write() as tx:
            do(tx)

    futures: dict[int, Future[None]] = {}
    with ThreadPoolExecutor(len(bodies)) as pool:
        futures[0] = pool.submit(write, 0)
        while len(futures) < len(bodies):
            threading.Event().wait(0.001)
        return [futures[number].exception(10) for number in range(len(bodies))]


def refuse(tx: Tx) -> None:
    say(tx, "half")
    raise ValueError("no")


def end_all(tx: Tx) -> None:
    tx.connection().connection.driver_connection.rollback()  # type: ignore[union-attr] # as SQLite does when the disk is full


def test_writers_who_come_together_share_a_commit(database: Database, path: Path, commits: list[object]) -> None:
    ended = together(database, *map(saying, "abcde"))
    assert ended == [None] * 5
    assert words(path) == set("abcde")
    assert len(commits) == 1


def test_who_fails_takes_back_only_their_own(database: Database, path: Path) -> None:
    first, failed, last = together(database, saying("a"), refuse, saying("b"))
    assert (first, last) == (None, None)
    assert isinstance(failed, ValueError)
    assert words(path) == {"a", "b"}


def test_the_last_one_failing_commits_for_the_others(database: Database, path: Path) -> None:
    first, failed = together(database, saying("a"), refuse)
    assert first is None
    assert isinstance(failed, ValueError)
    assert words(path) == {"a"}


def test_the_first_one_failing_leaves_the_others(database: Database, path: Path) -> None:
    failed, last = together(database, refuse, saying("a"))
    assert isinstance(failed, ValueError)
    assert last is None
    assert words(path) == {"a"}


def test_among_those_that_can_be_run_again_nobody_has_a_savepoint(
    database: Database, path: Path, commits: list[object]
) -> None:
    said: list[str] = []
    event.listen(database.writer, "connect", lambda connection, _: connection.set_trace_callback(said.append))
    database.writer.dispose()  # the next connection is traced
    ended = together(database, *(Again(saying(word)) for word in "abc"))
    assert ended == [None] * 3
    assert words(path) == set("abc")
    assert len(commits) == 1
    assert any("INSERT" in each for each in said)
    assert not any(each.startswith("SAVEPOINT member") for each in said)


def test_who_fails_among_those_that_can_be_run_again_has_them_run_again(database: Database, path: Path) -> None:
    first, last = (Again(saying(word)) for word in "ab")
    failing = Again(refuse)
    ended = together(database, first, failing, last)
    assert [ended[0], ended[2]] == [None, None]
    assert isinstance(ended[1], ValueError)
    assert (first.times, failing.times) == (2, 1)  # whether the last one came before or behind it is chance
    assert words(path) == {"a", "b"}


def test_who_cannot_be_run_again_is_kept_when_one_fails_that_can(database: Database, path: Path) -> None:
    before, after = Again(saying("a")), Again(saying("c"))
    ended = together(database, before, saying("b"), Again(refuse), after)
    assert [type(error) for error in ended] == [type(None), type(None), ValueError, type(None)]
    assert (before.times, after.times) == (1, 1)
    assert words(path) == set("abc")


def test_one_that_cannot_be_run_again_and_fails_has_those_before_run_again(database: Database, path: Path) -> None:
    before = Again(saying("a"))
    ended = together(database, before, refuse)
    assert [type(error) for error in ended] == [type(None), ValueError]
    assert before.times == 2
    assert words(path) == {"a"}


def test_a_write_has_returned_only_when_it_is_stored(database: Database, path: Path) -> None:
    with database.write() as tx:
        say(tx, "a")
        assert words(path) == set()
    assert words(path) == {"a"}


def test_a_transaction_that_sqlite_ended_is_told_to_everybody_in_it(database: Database, path: Path) -> None:
    first, last = together(database, saying("a"), end_all)
    assert isinstance(first, Unavailable)
    assert isinstance(first.__cause__, Undone)
    assert last is not None
    assert words(path) == set()
    with database.write() as tx:  # and the next one is as before
        say(tx, "b")
    assert words(path) == {"b"}


def test_a_write_within_a_write_is_refused_and_harms_nobody(database: Database, path: Path) -> None:
    with database.write() as tx:
        say(tx, "a")
        with pytest.raises(RuntimeError, match="within a write"), database.write():
            pass
    assert words(path) == {"a"}


def test_many_threads_each_find_their_own_write(database: Database, path: Path) -> None:
    def write(number: int) -> bool:
        with database.write() as tx:
            say(tx, str(number))
        return str(number) in words(path)

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(write, range(200)))
