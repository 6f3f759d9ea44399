"""What every handler must keep, whoever wrote it: subclass `HandlerContract`, say how its world looks, and pass.

The surroundings are those that the engine gives: state is what the last answer or `save` left, and a key belongs to
one operation.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.errors import PermanentError, TemporaryError, Unproven
from bot.handler import Answer, Context, Done, Handler, Hears, Looks, News, Pending, Resource, Thing

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
SECRETS = {"TOKEN": "t0p-s3cret", "PASSWORD": "hunter-2"}


def secret(name: str) -> str:
    if name not in SECRETS:
        raise PermanentError(f"There is no secret {name}.")
    return SECRETS[name]


@dataclass
class Surroundings:
    """Keeps one step's state as the engine does, and makes contexts from it."""

    state: Mapping[str, Any] = field(default_factory=dict)
    now: datetime = NOW

    def context(self, key: str = "REQ-1/step") -> Context:
        return Context(
            key=key,
            identity="INS-1/step",
            state=self.state,
            now=self.now,
            save=self._save,
            say=lambda text: None,
            secret=secret,
            cancelled=lambda: False,
        )

    def keep(self, answer: Answer) -> Answer:
        self.state = answer.state
        return answer

    def _save(self, state: Mapping[str, Any]) -> None:
        self.state = state


class World:
    """What a handler changes, and can be asked about."""

    handler: Handler[Any]
    resource: Resource[Any]

    def made(self) -> int:
        """How many things exist out there."""
        return 0

    def forward(self, seconds: float) -> None:
        """Time passes out there too."""

    #: How many there are once the resource is real: none where people or the checkpoint do it.
    makes = 0


class RemoteWorld(World, ABC):
    """Another system."""

    makes = 1

    @abstractmethod
    def fail(self, status: int) -> None:
        """From now on every request is answered with this status."""


class HandlerContract(ABC):
    @abstractmethod
    def world(self) -> AbstractContextManager[World]:
        """A fresh world for one test."""

    def settle(self, world: World, surroundings: Surroundings) -> Answer:
        """Applies until it is done, or waits for a person."""
        for _ in range(10):
            answer = surroundings.keep(world.handler.apply(world.resource, surroundings.context()))
            if isinstance(answer, Done) or answer.ask:
                return answer
            surroundings.now += timedelta(seconds=answer.delay or 0)
            world.forward(answer.delay or 0)
        raise AssertionError("it is pending for ever")

    def test_applying_twice_with_the_same_key_makes_it_once(self) -> None:
        with self.world() as world:
            surroundings = Surroundings()
            first, second = self.settle(world, surroundings), self.settle(world, surroundings)
            assert world.made() == world.makes
            assert _visible(first) == _visible(second)

    def test_applying_again_after_a_crash_that_lost_the_answer_makes_it_once(self) -> None:
        with self.world() as world:
            surroundings = Surroundings()
            world.handler.apply(world.resource, surroundings.context())  # what it saved is left, and no answer
            self.settle(world, surroundings)
            assert world.made() == world.makes

    def test_deleting_what_never_was_is_done_or_asks_a_person(self) -> None:
        with self.world() as world:
            answer = world.handler.delete(world.resource, Surroundings().context("REQ-2/step"))
            assert isinstance(answer, Done) or answer.ask

    def test_deleting_twice_ends_as_deleting_once(self) -> None:
        with self.world() as world:
            surroundings = Surroundings()
            self.settle(world, surroundings)
            first = surroundings.keep(world.handler.delete(world.resource, surroundings.context("REQ-2/step")))
            second = world.handler.delete(world.resource, surroundings.context("REQ-2/step"))
            assert isinstance(first, Done) or first.ask
            assert _visible(first) == _visible(second)

    def test_its_resource_comes_back_equal_from_json(self) -> None:
        with self.world() as world:
            stored, cls = world.resource.model_dump_json(), type(world.resource)
            assert cls.model_validate_json(stored) == world.resource
            assert cls.model_validate_json(stored).model_dump_json() == stored
            assert not any(value in stored for value in SECRETS.values())

    def test_it_works_on_the_resource_as_it_was_stored(self) -> None:
        with self.world() as world:
            world.resource = type(world.resource).model_validate_json(world.resource.model_dump_json())
            self.settle(world, Surroundings())
            assert world.made() == world.makes

    def test_its_answers_are_json(self) -> None:
        with self.world() as world:
            answer = self.settle(world, Surroundings())
            plain = (int, float, str, bool, type(None), dict, list)
            assert all(isinstance(part, plain) for part in _parts(dict(answer.state)))
            assert all(isinstance(part, plain) for part in _parts(_visible(answer)["outputs"]))

    def test_what_it_looks_at_has_a_reference_and_news_that_are_json(self) -> None:
        with self.world() as world:
            handler, surroundings = world.handler, Surroundings()
            answer = self.settle(world, surroundings)
            if not isinstance(handler, Looks):
                assert answer.reference is None
                return
            assert answer.reference
            seen: Mapping[str, Any] = {}
            for _ in range(2):
                thing = Thing(answer.reference, world.resource, answer.state, seen, surroundings.now)
                (news,) = handler.look([thing])
                assert isinstance(news, News)
                assert (news.notes, news.trouble, news.outputs) == ([], None, None)
                seen = json.loads(json.dumps(dict(news.seen)))
            assert list(handler.look([])) == []

    def test_who_does_not_prove_to_be_its_system_is_not_heard(self) -> None:
        with self.world() as world:
            if isinstance(world.handler, Hears):
                with pytest.raises(Unproven):
                    world.handler.hear({}, b"{}")

    def test_it_declares_its_name_its_resource_and_its_settings(self) -> None:
        with self.world() as world:
            kind = type(world.handler)
            assert kind.name == kind.name.lower()
            assert isinstance(world.resource, kind.resource)
            assert not set(kind.settings) & set(kind.options)
            assert all(name == name.upper() for name in (*kind.settings, *kind.options))

    def test_without_its_options_it_can_be_built(self) -> None:
        with self.world() as world:
            type(world.handler)(dict.fromkeys(world.handler.settings, "https://example.com"))


class RemoteHandlerContract(HandlerContract):
    """For a handler that calls another system: that system may be busy, broken or unwilling."""

    @abstractmethod
    def world(self) -> AbstractContextManager[RemoteWorld]:
        """A fresh world for one test."""

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_a_system_that_is_busy_or_broken_is_a_temporary_error(self, status: int) -> None:
        with self.world() as world:
            world.fail(status)
            with pytest.raises(TemporaryError):
                self.settle(world, Surroundings())
            assert world.made() == 0

    @pytest.mark.parametrize("status", [400, 403])
    def test_a_system_that_says_no_is_a_permanent_error(self, status: int) -> None:
        with self.world() as world:
            world.fail(status)
            with pytest.raises(PermanentError):
                self.settle(world, Surroundings())
            assert world.made() == 0

    def test_an_error_says_no_secret(self) -> None:
        with self.world() as world:
            world.fail(400)
            with pytest.raises(PermanentError) as caught:
                self.settle(world, Surroundings())
            assert not any(value in str(caught.value) for value in SECRETS.values())


def _visible(answer: Answer) -> dict[str, Any]:
    match answer:
        case Done():
            return {"outputs": dict(answer.outputs), "posts": list(answer.posts)}
        case Pending():
            return {"outputs": {}, "ask": answer.ask, "posts": list(answer.posts)}


def _parts(value: Any) -> list[Any]:
    match value:
        case dict():
            return [value, *(part for member in value.values() for part in _parts(member))]
        case list():
            return [value, *(part for member in value for part in _parts(member))]
        case _:
            return [value]
