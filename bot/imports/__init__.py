"""Contracts that people have already, as offerings: Kratix, Backstage, Crossplane, JSON Schema, Terraform, Helm.

    class Redis(ImportedForm, file="redis.promise.yaml"): ...     in an offering file: the form, beside that file
    frontdesk import redis.promise.yaml                           writes such a file, with the schema beside it

imported      what an import gives
documents     YAML and JSON as plain data, safely; `patterns`, `references`, `normal` make a schema ours
kubernetes, backstage, json_schema, terraform (`hcl`, `conditions`)     one kind of document each
sources       which of them a document is
form          a form whose contract is a schema
writing       the offering file
files         where files are read and written: all else is pure
"""

from bot.imports.form import ImportedForm, form
from bot.imports.imported import Imported
from bot.imports.sources import read

__all__ = ["Imported", "ImportedForm", "form", "read"]
