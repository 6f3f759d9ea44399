"""JSON as it comes in, more strictly than the standard library reads it: whatever is accepted can be stored."""

import json
import math
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

#: Forms are a few levels deep; what is deeper is meant to exhaust somebody's stack.
DEEPEST = 64


class StrictRequest(Request):
    """A request whose body is JSON and nothing like it."""

    async def json(self) -> Any:
        """The body. Raises HTTPException 400, saying where it stops being JSON."""
        try:
            value = json.loads(await self.body(), parse_constant=_refuse)
            _check(value)
        except RecursionError:
            raise HTTPException(400, _TOO_DEEP) from None
        except ValueError as error:  # also what is not UTF-8, and numbers of thousands of digits
            raise HTTPException(400, f"The body is not JSON: {error}") from None
        return value


class StrictRoute(APIRoute):
    """Reads bodies through StrictRequest."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler with our request."""
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return strictly


_TOO_DEEP = f"The body is nested more than {DEEPEST} levels deep."


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def _check(value: Any) -> None:
    """Without recursion, level by level. Raises ValueError for what the stores have no room for."""
    level = [value]
    for _ in range(DEEPEST):
        for each in level:
            _check_scalar(each)
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return
    raise HTTPException(400, _TOO_DEEP)


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def _check_scalar(value: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is too large")
    if isinstance(value, str) and ("\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value)):
        raise ValueError("a text holds a NUL or half a character (a lone surrogate)")
