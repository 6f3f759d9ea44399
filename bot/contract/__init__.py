"""Contracts: what front doors know of an offering. JSON Schemas in, questions, problems and comparisons out. Pure.

problems(schema, value)         what is wrong with an answer, at its field
with_defaults(schema, value)    what was left out, as declared
faults(schema)                  what is wrong with the schema itself
oddities(schema)                what is odd in it, and still works
applied(schema, value)          the form that holds for the answers so far: conditions worked off
presented(schema, ...)          as it is shown, with what is no part of the contract
mapped(schema, value, change)   with each answer changed beside its question
pruned(schema, value)           without answers to what is not asked with them
ranked(choices, text)           the choices that somebody searches for
fields(schema)                  its questions, for a modal, options or a table
parse(question, text)           text as a typed value; `typed` for `field=value` pairs
breaking(old, new)              why answers under the old one may be refused by the new one
secrets(schema, value)          where secrets stand in an answer; `asks_for_secrets`: whether there can be any
comparable(schema)              without the words, for golden files
"""

from dataclasses import dataclass
from typing import Any

from bot.contract.branches import alternatives
from bot.contract.compatibility import breaking, comparable
from bot.contract.conditions import Applied, Around, applied, pruned, with_values, without_variants
from bot.contract.formats import expected, is_channel_id, is_datetime, is_email, is_person_id, is_uri
from bot.contract.mapping import mapped
from bot.contract.oddities import oddities
from bot.contract.pairs import UNKNOWN, merged, typed, unflatten
from bot.contract.presentation import Look, NoSuchField, presented, unanswerable
from bot.contract.questions import Choice, Kind, Question, fields, humanised, is_content
from bot.contract.schema import Schema, definitions, parts, pointer, remembered, resolve
from bot.contract.search import ranked
from bot.contract.secrecy import asks_for_secrets, at, secrets
from bot.contract.text import parse, parse_lines, written
from bot.contract.unions import VARIANT
from bot.contract.validation import faults, problems, unstorable, with_defaults
from bot.contract.wording import quoted

__all__ = [
    "UNKNOWN",
    "VARIANT",
    "Applied",
    "Around",
    "Choice",
    "Contract",
    "Kind",
    "Look",
    "NoSuchField",
    "Question",
    "Schema",
    "alternatives",
    "applied",
    "asks_for_secrets",
    "at",
    "breaking",
    "comparable",
    "definitions",
    "expected",
    "faults",
    "fields",
    "humanised",
    "is_channel_id",
    "is_content",
    "is_datetime",
    "is_email",
    "is_person_id",
    "is_uri",
    "mapped",
    "merged",
    "oddities",
    "parse",
    "parse_lines",
    "parts",
    "pointer",
    "presented",
    "problems",
    "pruned",
    "quoted",
    "ranked",
    "remembered",
    "resolve",
    "secrets",
    "typed",
    "unanswerable",
    "unflatten",
    "unstorable",
    "with_defaults",
    "with_values",
    "without_variants",
    "written",
]


@dataclass(frozen=True)
class Contract:
    """All that a front door knows of an offering. The catalogue's key is (name, version)."""

    name: str
    version: str
    form: Schema
    outputs: Schema | None = None

    def to_json(self) -> dict[str, Any]:
        """As it is stored and published."""
        return {"name": self.name, "version": self.version, "form": self.form, "outputs": self.outputs}
