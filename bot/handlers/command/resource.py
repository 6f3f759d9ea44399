"""What an author writes: the program, what it is given, and how it is stopped."""

from collections.abc import Mapping
from typing import Annotated, Generic, Literal

from pydantic import Field

from bot.handler import JSON, O_co, Promised, Resource, Secret


class Run(Resource[O_co], Generic[O_co]):
    """Runs `argv`, without a shell, with `input` as JSON on its standard input.

    Args:
        argv: the program and its arguments; never a secret, for everybody on the machine can read them.
        environment: beside PATH, HOME, LANG and TMPDIR of the worker; a value may be a `Secret`.
        folder: where it runs.
        outputs: what it promises to print: a class of Outputs, or a JSON Schema.
        stop: the signal that asks it to stop; after `grace` seconds it is killed. Terraform wants INT.
        undo: the program that takes it back.
    """

    argv: Annotated[tuple[str, ...], Field(min_length=1)]
    input: JSON = Field(default_factory=dict)
    environment: Mapping[str, str | Secret] = Field(default_factory=dict)
    folder: str | None = None
    outputs: Promised[O_co] = None
    stop: Literal["TERM", "INT"] = "TERM"
    grace: float = Field(10.0, gt=0, le=300)
    undo: "Run | None" = None
