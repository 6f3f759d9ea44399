"""The processes that are killed, stopped and started again, as a supervisor does it on any platform."""

import os
import random
import signal
import threading
from collections import Counter
from dataclasses import dataclass, field

import httpx

from tests.acceptance.site import Running, Site, until


@dataclass
class Member:
    """One process of ours: what it is started as, and its present incarnation."""

    kind: str
    running: Running
    stopped: bool = False

    @property
    def alive(self) -> bool:
        return self.running.process.poll() is None

    @property
    def started(self) -> bool:
        """It runs, or answers; before that there is nothing to be killed in the middle of."""
        if not self.alive or "Frontdesk" not in self.running.log.read_text():
            return False
        return self.kind == "worker" or _answers(self.running.url)


@dataclass
class Crew:
    """Some `web` and some `worker` on one database."""

    site: Site
    random: random.Random
    members: list[Member] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    timers: list[threading.Timer] = field(default_factory=list)

    def start(self, webs: int, workers: int) -> None:
        """All of them, once the schema is there."""
        for kind in ["web"] * webs + ["worker"] * workers:
            self.members.append(Member(kind, self.site.start(kind)))
        for member in self.members:
            until(lambda member=member: member.started, f"the {member.kind} has started", 240)  # type: ignore[misc]
        self._say_where()

    def url(self) -> str:
        """A web process that somebody can be sent to; a balancer knows as much, a moment later than it is so."""
        webs = [member for member in self.members if member.kind == "web" and member.alive]
        return self.random.choice(webs).running.url if webs else "http://127.0.0.1:9"

    def kill(self) -> None:
        """`kill -9` to one of them, and a new one in its place."""
        victim = self._victim()
        victim.running.process.kill()
        self._replace(victim)
        self.counted["kills"] += 1
        self.counted[f"{victim.kind}s killed"] += 1

    def stop(self, seconds: float) -> None:
        """One worker stands still for so long (a lease is shorter), then goes on as if nothing had been."""
        victim = self._victim(kind="worker")
        victim.stopped = True
        os.kill(victim.running.process.pid, signal.SIGSTOP)
        timer = threading.Timer(seconds, self._go_on, [victim, victim.running])
        self.timers.append(timer)
        timer.start()
        self.counted["stops"] += 1

    def look_after(self) -> None:
        """Start again whatever ended by itself (its database was away when it started)."""
        for member in self.members:
            if not member.alive:
                self.counted["ended by themselves"] += 1
                self._replace(member)

    def rest(self) -> None:
        """Nothing is stopped any more, and everything runs."""
        for timer in self.timers:
            timer.join()
        until(self._all_run, "all processes run", 240)

    def _all_run(self) -> bool:
        self.look_after()
        return all(member.started for member in self.members)

    def _victim(self, kind: str = "") -> Member:
        def able() -> list[Member]:
            self.look_after()
            ready = [member for member in self.members if not member.stopped and member.started]
            if not any(member.kind == "web" for member in ready):
                return []  # with every door closed, there is no load to be in the middle of
            return [member for member in ready if kind in ("", member.kind)]

        found: list[Member] = until(able, "a process that can be ended", 240)
        # Workers have more to lose; a web process every fifth time.
        weights = [4 if member.kind == "worker" else 1 for member in found]
        return self.random.choices(found, weights)[0]

    def _replace(self, member: Member) -> None:
        member.running.process.wait()
        member.running, member.stopped = self.site.start(member.kind), False
        self._say_where()

    def _go_on(self, member: Member, running: Running) -> None:
        if running.process.poll() is None:
            os.kill(running.process.pid, signal.SIGCONT)
        if member.running is running:
            member.stopped = False

    def _say_where(self) -> None:
        """Slack is told one address."""
        app = next(iter(self.site.workspace.apps.values()))
        app.request_url = f"{self.url()}/slack/events"


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=10, trust_env=False).is_success
    except httpx.TransportError:
        return False
