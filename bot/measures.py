"""What this process counts, for `/metrics`. No label holds anything of people: names of code and of kinds only."""

from collections.abc import Sequence

from prometheus_client import Counter, Histogram
from prometheus_client.registry import Collector

_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300, 3600)

ATTEMPTS = Counter(
    "frontdesk_step_attempts",
    "Steps that were run, by what came of it: done, pending, again, failed, parked, bug, lost",
    ["handler", "outcome"],
    registry=None,
)
STEP_SECONDS = Histogram(
    "frontdesk_step_seconds", "How long an attempt took", ["handler"], buckets=_SECONDS, registry=None
)
TAKE_OVERS = Counter(
    "frontdesk_step_take_overs", "Steps whose worker was heard of no more, taken over here", registry=None
)
DELIVERIES = Counter(
    "frontdesk_deliveries",
    "Deliveries by what came of it: sent, postponed, given_up; a card counts each time that it is posted or updated",
    ["kind", "outcome"],
    registry=None,
)
DELIVERY_LAG = Histogram(
    "frontdesk_delivery_lag_seconds",
    "From what happened until it was said",
    ["kind"],
    buckets=_SECONDS,
    registry=None,
)
ACKNOWLEDGEMENTS = Histogram(
    "frontdesk_slack_acknowledgement_seconds",
    "From an interaction's arrival until Slack has its answer; Slack waits for three seconds",
    ["kind"],
    buckets=_SECONDS,
    registry=None,
)
HTTP_SECONDS = Histogram(
    "frontdesk_http_seconds",
    "From a call's arrival until its answer",
    ["method", "route"],
    buckets=_SECONDS,
    registry=None,
)

ALL: Sequence[Collector] = (
    ATTEMPTS,
    STEP_SECONDS,
    TAKE_OVERS,
    DELIVERIES,
    DELIVERY_LAG,
    ACKNOWLEDGEMENTS,
    HTTP_SECONDS,
)
