"""Databases with very much in them: requests that are over, and what waits beside them. SQL makes all of it at once.

What is over is spread over people, offerings and states, with all that is left of it: steps, decisions, events, cards,
deliveries, resources, lanes, timers; nobody is asked about `notice`. What waits: steps that are due, steps that ask somebody, decisions, and a channel
that Slack has closed for a while, with messages and cards that wait for it in front of those of other channels.
"""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing

import psycopg
from sqlalchemy import text
from sqlalchemy.engine import make_url

from bot.store.database import Database

#: How many people and channels there are; of what waits, and of what can be said beside the closed channel.
PEOPLE, CHANNELS, WAITING, FREE = 1_000, 200, 100_000, 2_000
#: How many of the people have decided.
_DECIDERS = 97

_FORM, _RULES = '{"name":"orders","size":"small"}', '[{"who":["@dba"],"count":1,"requester_may":false}]'
_OFFERING = "CASE i % 10 WHEN 0 THEN 'access' WHEN 1 THEN 'notice' ELSE 'postgres' END"
_STATE = "CASE WHEN i % 50 = 0 THEN 'cancelled' WHEN i % 20 = 0 THEN 'rejected' ELSE 'fulfilled' END"
_GONE = "i % 10 < 7"
_PERSON = "(1 + i % :people)"

_PEOPLE = """INSERT INTO person (id, email, name, created_at)
    SELECT i, 'person' || i || '@example.com', 'Person ' || i, :at FROM n WHERE i <= :people"""
_INSTANCE = (
    "INSERT INTO instance (id, offering, version, owner_id, state, form, expires_at, renewals, created_at, updated_at)"
)
_REQUEST = """INSERT INTO request (id, kind, offering, version, instance_id, open_instance_id, requester_id, form, rules,
    state, revision, created_at, updated_at, ended_at)"""
_STEP = """INSERT INTO step (id, request_id, name, position, early, always, action, follows, description, state, handler,
    handler_state, ask, attempts, crashes, polls, reruns, epoch, queue, offering, run_at, started_at, ended_at)"""
_CARD = """INSERT INTO card (id, request_id, audience, place, channel, ts, wanted, shown, dirty, attempts, epoch, error,
    run_at)"""
_DELIVERY = """INSERT INTO delivery (id, lane, kind, request_id, card_id, payload, state, channel, ts, attempts, epoch,
    error, run_at, created_at)"""

_OVER = (
    f"""{_INSTANCE} SELECT i, {_OFFERING}, 'v1', {_PERSON}, CASE WHEN {_GONE} THEN 'deleted' ELSE 'ready' END, '{_FORM}',
    CASE WHEN {_GONE} THEN :at WHEN i % 10 = 7 THEN :later END, 0, :at, :at FROM n""",
    f"""{_REQUEST} SELECT i, CASE WHEN i % 7 = 0 THEN 'delete' ELSE 'create' END, {_OFFERING}, 'v1', i, NULL, {_PERSON},
    '{_FORM}', '{_RULES}', {_STATE}, 1, :at, :at, :at FROM n""",
    f"""{_STEP} SELECT i, i, 'ticket', 0, true, false, 'apply', true, '',
    CASE WHEN i % 50 = 0 THEN 'failed' ELSE 'done' END, 'jira', '{{}}', NULL, 1, 0, 0, 0, 1, {_OFFERING} || '/jira',
    {_OFFERING}, NULL, :at, :at FROM n""",
    f"""INSERT INTO involved (request_id, step, who, is_group, waits, offering)
    SELECT i, '', '@dba', true, false, {_OFFERING} FROM n WHERE i % 10 <> 1""",
    f"""INSERT INTO decision (id, request_id, person_id, revision, verdict, rules, offering, at)
    SELECT i, i, 1 + i % :deciders, 1, 'approve', '[0]', {_OFFERING}, :at FROM n""",
    f"""INSERT INTO event (id, request_id, instance_id, name, person_id, data, at)
    SELECT 2 * i - 1, i, i, 'submitted', {_PERSON}, '{{}}', :at FROM n""",
    """INSERT INTO event (id, request_id, instance_id, name, person_id, data, at)
    SELECT 2 * i, i, i, 'fulfilled', NULL, '{}', :at FROM n""",
    f"""{_CARD} SELECT i, i, 'team', '#channel' || (i % {CHANNELS}), 'C' || (i % {CHANNELS}), '1.' || i, 3, 3, false, 0, 1,
    CASE WHEN i % 1000 = 0 THEN 'is_archived' END, :at FROM n""",
    f"""{_DELIVERY} SELECT 2 * i - 1, 'person:' || {_PERSON}, 'message', i, i, '{{}}',
    CASE WHEN i % 100 = 0 THEN 'failed' ELSE 'sent' END, 'D1', '2.' || i, 1, 1, NULL, :at, :at FROM n""",
    f"""{_DELIVERY} SELECT 2 * i, 'post:#channel' || (i % {CHANNELS}), 'note', i, i, '{{}}', 'sent', 'C1', '3.' || i, 1, 1,
    NULL, :at, :at FROM n""",
    f"""INSERT INTO instance_resource (id, instance_id, step, position, handler, follows, description, resource, state,
    outputs, reference, look_at, trouble, deleted_at) SELECT i, i, 'ticket', 0, 'jira', true, '', '{{}}', '{{}}', '{{}}',
    'ISSUE-' || i, CASE WHEN {_GONE} THEN NULL ELSE :later END, CASE WHEN i % 10000 = 8 THEN 'It is gone.' END,
    CASE WHEN {_GONE} THEN :at END FROM n""",
    "INSERT INTO lane (name, next_at) SELECT 'follow:' || i || '/ticket', :at FROM n",
    """INSERT INTO timer (name, kind, instance_id, due_at, data) SELECT 'expiry INS-' || i, 'expiry', i, :later, '{}'
    FROM n WHERE i % 10 = 7""",
)
#: i counts what waits, from 1; `:base` is how many are over.
_WAITS = "CASE WHEN i % 10 = 1 THEN 'awaiting_approval' ELSE 'fulfilling' END"
_ASK = """'{"group":"@data-platform","instructions":"Do it","outputs":{}}'"""
_WAITING = (
    f"""{_INSTANCE} SELECT :base + i, {_OFFERING}, 'v1', {_PERSON}, 'pending', '{_FORM}', NULL, 0, :at, :at FROM n""",
    f"""{_REQUEST} SELECT :base + i, 'create', {_OFFERING}, 'v1', :base + i, :base + i, {_PERSON}, '{_FORM}', '{_RULES}',
    {_WAITS}, 1, :at, :at, NULL FROM n""",
    f"""{_STEP} SELECT :base + i, :base + i, 'ticket', 0, true, false, 'apply', false, '', 'waiting', NULL, '{{}}', NULL, 0, 0,
    0, 0, 0, {_OFFERING} || '/jira', {_OFFERING}, :at, :at, NULL FROM n WHERE i % 10 <> 2""",
    f"""{_STEP} SELECT :base + i, :base + i, 'ticket', 0, true, false, 'apply', false, '', 'pending', NULL, '{{}}', {_ASK}, 1, 0,
    0, 0, 1, {_OFFERING} || '/jira', {_OFFERING}, NULL, :at, NULL FROM n WHERE i % 10 = 2""",
    f"""INSERT INTO involved (request_id, step, who, is_group, waits, offering)
    SELECT :base + i, '', '@dba', true, i % 10 = 1, {_OFFERING} FROM n""",
    f"""INSERT INTO involved (request_id, step, who, is_group, waits, offering)
    SELECT :base + i, 'ticket', '@data-platform', true, true, {_OFFERING} FROM n WHERE i % 10 = 2""",
    f"""INSERT INTO event (id, request_id, instance_id, name, person_id, data, at)
    SELECT 2 * :base + i, :base + i, :base + i, 'submitted', {_PERSON}, '{{}}', :at FROM n""",
    """INSERT INTO timer (name, kind, request_id, due_at, data)
    SELECT 'decision REQ-' || (:base + i), 'decision', :base + i, :later, '{"ends_at":"2036-01-01T00:00:00+00:00","notices":[],"later":[]}'
    FROM n WHERE i % 10 = 1""",
    f"""{_CARD} SELECT :base + i, :base + i, 'team',
    CASE WHEN i > :closed THEN '#free' || (i % {CHANNELS}) ELSE '#closed' END, NULL, NULL, 1, 0, true, 0, 0, NULL,
    :at FROM n""",
    f"""{_DELIVERY} SELECT 2 * :base + i,
    CASE WHEN i > :closed THEN 'post:#free' || (i % {CHANNELS}) ELSE 'post:#closed' END, 'post', :base + i, NULL,
    '{{"channel":"C1","text":"Hello"}}', 'waiting', NULL, NULL, 0, 0, NULL, :at, :at FROM n""",
    "INSERT INTO lane (name, next_at) SELECT CASE i WHEN 1 THEN 'post:#closed' ELSE 'card:#closed' END, :later FROM n WHERE i < 3",
)
_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count) SELECT"
_MOMENTS = {
    "sqlite": ("datetime('2026-01-01', i || ' seconds')", "datetime('2036-01-01', i || ' seconds')"),
    "postgresql": (
        "timestamp '2026-01-01' + i * interval '1 second'",
        "timestamp '2036-01-01' + i * interval '1 second'",
    ),
}
_COUNTED = ("instance", "request", "step", "event", "card", "delivery", "instance_resource", "decision", "person")

Execute = Callable[[str], object]


def is_empty(url: str) -> bool:
    """Whether nobody has ever asked for anything there."""
    database = Database(url)
    with database.read() as session:
        empty = session.execute(text("SELECT 1 FROM person LIMIT 1")).first() is None
    database.close()
    return empty


def fill(url: str, over: int, waiting: int = WAITING, people: int = PEOPLE) -> None:
    """Put `over` requests that are over, and what waits, into an empty database that is migrated."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(address.database or "", isolation_level=None)) as connection:
            for pragma in ("journal_mode = MEMORY", "synchronous = OFF", "cache_size = -500000", "temp_store = MEMORY"):
                connection.execute(f"PRAGMA {pragma}")
            _rows("sqlite", connection.execute, over, waiting, people)
            connection.execute("PRAGMA journal_mode = WAL")
        return
    with psycopg.connect(
        address.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True
    ) as on:
        # Nothing of it has to survive, and every reference is right.
        on.execute("SET synchronous_commit = off; SET session_replication_role = replica; SET work_mem = '256MB'")
        _rows("postgresql", lambda statement: on.execute(statement.encode()), over, waiting, people)
        for table in _COUNTED:
            on.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))".encode()
            )
        on.execute("VACUUM ANALYZE")


def _rows(kind: str, execute: Execute, over: int, waiting: int, people: int) -> None:
    at, later = _MOMENTS[kind]
    deciders, closed = min(_DECIDERS, people - 3), max(0, waiting - FREE)
    named = {"at": at, "later": later, "base": over, "closed": closed, "people": people, "deciders": deciders}
    execute("BEGIN")
    for statement, count in [
        (_PEOPLE, people),
        *((each, over) for each in _OVER),
        *((each, waiting) for each in _WAITING),
    ]:
        filled = re.sub(r":(at|later|base|closed|people|deciders)\b", lambda found: str(named[found[1]]), statement)
        execute(filled.replace("SELECT", _NUMBERS.replace(":count", str(count)), 1))
    execute("COMMIT")
