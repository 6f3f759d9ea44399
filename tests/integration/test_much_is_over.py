"""What is over costs nobody anything: every question is asked of two databases, of which one has far more of it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from bot.store import listings
from tests.benchmarks import crowd
from tests.benchmarks.big import QUESTIONS, _Side
from tests.conftest import file_at

FEW, MANY, WAITING, PEOPLE = 1_000, 5_000, 300, 20
#: SQLite's instructions: an index that has grown by a level costs some, and who reads all that is over some thousands.
EVERY, MORE = 10, 1_500


class Meter:
    """Counts what SQLite does for a question."""

    def __init__(self, path: Path, over: int) -> None:
        url = file_at(path)
        crowd.fill(url, over, WAITING, PEOPLE)
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("DELETE FROM lane WHERE name LIKE 'follow:%'")  # swept within the day, as they would be
        self.side, self.count = _Side(url, over), 0
        for engine in (self.side.database.reader, self.side.database.writer):
            event.listen(engine, "checkout", self._watch)

    def _watch(self, connection: Any, *_: Any) -> None:
        connection.set_progress_handler(self._ticked, EVERY)

    def _ticked(self) -> int:
        self.count += EVERY
        return 0

    def __call__(self, question: Callable[[], object]) -> int:
        question()  # what is done once is done
        self.count = 0
        question()
        return self.count


@pytest.fixture(scope="module")
def meters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Meter]]:
    folder = tmp_path_factory.mktemp("over")
    made = [Meter(folder / f"{over}.db", over) for over in (FEW, MANY)]
    yield made
    for meter in made:
        meter.side.database.close()


@pytest.mark.parametrize("what", [what for what, (_, *bars) in QUESTIONS.items() if any(bars)])
def test_five_times_as_much_that_is_over_is_no_more_work(meters: list[Meter], what: str) -> None:
    question, *_ = QUESTIONS[what]
    few, many = (meter(partial(question, meter.side)) for meter in meters)
    assert many <= few * 1.25 + MORE, f"{few:,} instructions with {FEW:,}, {many:,} with {MANY:,}"


def test_who_decides_nearly_all_finds_the_few_of_an_offering_without_reading_the_others(
    meters: list[Meter], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listings, "_NEWEST", 10)
    monkeypatch.setattr(listings, "_FEW", 50)  # both databases hold more of it

    def few_of_many(side: _Side) -> object:
        return side.service.requests(side.new_dba, offering="notice")

    few, many = (meter(partial(few_of_many, meter.side)) for meter in meters)
    assert many <= few * 1.25 + MORE, f"{few:,} instructions with {FEW:,}, {many:,} with {MANY:,}"


def test_the_meter_sees_a_question_that_reads_what_is_over(meters: list[Meter]) -> None:
    def read_all(side: _Side) -> object:
        with side.database.read() as session:
            return session.connection().exec_driver_sql("SELECT count(*) FROM step WHERE polls > 0").all()

    few, many = (meter(partial(read_all, meter.side)) for meter in meters)
    assert many > few * 3
