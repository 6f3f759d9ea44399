"""What comes in from other systems, by the names that they gave: what is sent again is recognised."""

from datetime import timedelta

from sqlmodel import col, delete

from bot.store import rows, tables
from bot.store.database import Tx

#: Slack sends an event again for a day at the most ("delayed events", hourly):
#: https://docs.slack.dev/apis/events-api ; a replay after that is nothing that a system does by itself.
KEPT = timedelta(days=3)


def first(tx: Tx, key: str) -> bool:
    """Whether this is the first time; remembered with what the transaction does about it, or not at all.

    `key` begins with the source: `slack:Ev123`, `jira:7f3c`. Of several at once, the others wait for the first to end.
    """
    tx.queue(f"incoming {key}")
    if rows.equal(tx, tables.Incoming, key=key):
        return False
    tx.add(tables.Incoming(key=key, at=tx.now))
    tx.flush()
    return True


def sweep(tx: Tx) -> int:
    """Forget what is older than anybody sends again; how many."""
    return tx.exec(delete(tables.Incoming).where(col(tables.Incoming.at) < tx.now - KEPT)).rowcount
