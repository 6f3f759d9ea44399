"""The system that the offerings' webhooks call: it honours `Idempotency-Key`, and writes down every call.

It is as unpleasant as such systems are: slow, busy now and then, and at times it does the work and cuts the line.
"""

import random
import time
from collections import defaultdict
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.integration.receiver import Arrival, Reaction, Receiver, answer


@dataclass(frozen=True)
class Effect:
    """Something was done: what a call asked for, under its key, the first time that it came."""

    at: float
    key: str
    path: str
    body: dict[str, Any]


class Ledger(Receiver):
    """`effects` is what was done, `arrivals` every call; `repeats` came again with a key that was known."""

    #: Chances that a call is refused for now, and that its answer is lost; seconds that one takes at most.
    BUSY, CUT, SLOW = 0.06, 0.06, 0.4

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.effects: list[Effect] = []
        self.repeats = 0
        self.strange: list[str] = []
        self._random = random.Random(seed)
        self._answers: dict[str, dict[str, Any]] = {}
        self._looks: dict[str, int] = defaultdict(int)

    def react(self, arrival: Arrival) -> Reaction:
        if arrival.method == "GET":
            return self._looked_at(arrival)
        key = arrival.headers.get("idempotency-key", "")
        if not key or not isinstance(arrival.body, dict):
            self.strange.append(f"{arrival.method} {arrival.path} without a key or a body")
            return answer(400)
        if key not in self._answers and self._random.random() < self.BUSY:
            return answer(503, retry_after="1")
        self._do(key, arrival)
        hangs_up = self._random.random() < self.CUT
        return self._slowly(self._answer(key, arrival), self._random.uniform(0, self.SLOW), hangs_up=hangs_up)

    def _do(self, key: str, arrival: Arrival) -> None:
        if key in self._answers:
            self.repeats += 1
            return
        self.effects.append(Effect(time.monotonic(), key, arrival.path.strip("/"), arrival.body))
        name = arrival.body.get("name", "")
        outputs = {"reserve": {"place": f"rack of {name}"}, "install": {"place": f"rack of {name}", "address": name}}
        self._answers[key] = outputs.get(arrival.path.strip("/"), {})

    def _answer(self, key: str, arrival: Arrival) -> Reaction:
        if arrival.path == "/install":  # begun; the rest is asked for
            return answer(202, location=self.url(f"/jobs/{key}"), retry_after="1")
        return answer(200, self._answers[key])

    def _looked_at(self, arrival: Arrival) -> Reaction:
        key = arrival.path.removeprefix("/jobs/")
        if key not in self._answers:
            self.strange.append(f"nobody began {arrival.path}")
            return answer(404)
        self._looks[key] += 1
        if self._looks[key] < 2:
            return answer(202, location=self.url(arrival.path), retry_after="1")
        return answer(200, self._answers[key])

    def _slowly(self, reaction: Reaction, seconds: float, *, hangs_up: bool) -> Reaction:
        def before(_request: BaseHTTPRequestHandler) -> None:
            self.closing.wait(seconds)
            if hangs_up:
                raise ConnectionError

        return Reaction(reaction.status, reaction.body, reaction.headers, before)
