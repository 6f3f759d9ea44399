"""The offering file of an import: small, whole, and with nothing in it that has to be filled in before it works."""

import json
import keyword
import re
import textwrap
from collections.abc import Iterable
from string import Template

from bot.imports.imported import Imported, slug

#: File name to text.
Texts = dict[str, str]
_TAKEN = frozenset({"manual", "fulfil", "request"})
_IMPORTED = frozenset({"ImportedForm", "Offering", "Request"})
_WIDTH = 118
_FILE = Template('''\
"""$title

$description
"""

from bot import ImportedForm, Offering, Request
from bot.handlers import manual

${notes}
class $form(ImportedForm, file=$schema_file):
    """What people are asked: the schema beside this file."""


$variable = Offering(
    $name,
    $form,
    owner=$owner,
    notify=$notify,
)


@$variable.step
def fulfil(request: Request[$form]) -> manual.Task:
    """Somebody of the team does it by hand."""
    return manual.Task(group=$owner, instructions=f"Do what {request.number} asks for.")
''')


def offering_file(imported: Imported, *, name: str | None = None, document: str, owner: str, notify: str) -> Texts:
    """The texts of the offering file and of the schema beside it. `document` is what was imported.

    What was not carried over, and what was mended, stands in the file as a comment.
    """
    called = slug(name or imported.name)
    stem = identifier(called)
    schema_file = f"{stem}.schema.json"
    version = f", version {imported.version}" if imported.version else ""
    origin = f"Imported from {document} ({imported.source}{version})."
    text = _FILE.substitute(
        title=_in_docstring(imported.title.splitlines()[0]) if imported.title.strip() else called,
        description="\n\n".join(filter(None, [_paragraph(imported.description), _paragraph(origin)])),
        notes=_comments(imported),
        form=_class_name(called),
        schema_file=_quoted(schema_file),
        variable=stem + "_offering" if stem in _TAKEN else stem,
        name=_quoted(called),
        owner=_quoted(owner),
        notify=_quoted(notify),
    )
    return {f"{stem}.py": text, schema_file: json.dumps(imported.schema, indent=2, ensure_ascii=False) + "\n"}


def identifier(name: str) -> str:
    """A name for a file and a variable: `my-app` is `my_app`."""
    found = name.replace("-", "_")
    return f"{found}_" if keyword.iskeyword(found) else f"_{found}" if found[0].isdigit() else found


def _class_name(name: str) -> str:
    made = "".join(part.capitalize() for part in name.split("-"))
    return f"{'Form' if made[0].isdigit() else ''}{made}{'Form' if made in _IMPORTED else ''}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _in_docstring(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', "'").strip()


def _paragraph(text: str) -> str:
    lines = [line for part in text.split("\n") for line in (textwrap.wrap(_in_docstring(part), _WIDTH) or [""])]
    return "\n".join(lines).strip()


def _comments(imported: Imported) -> str:
    parts = [("Not carried over:", imported.notes), ("Worth a look:", imported.warnings)]
    lines = [line for heading, told in parts if told for line in (heading, *_listed(told))]
    return "".join(f"# {line}\n" for line in lines) + "\n" if lines else ""


def _listed(told: Iterable[str]) -> Iterable[str]:
    for each in told:
        flat = re.sub(r"\s+", " ", each)
        yield from textwrap.wrap(flat, _WIDTH - 2, initial_indent="- ", subsequent_indent="  ", break_long_words=False)
