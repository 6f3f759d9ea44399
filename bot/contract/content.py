"""Texts that hold what is in a file: Base64, a data URL, or the file's own text, as the schema says. Pure.

`contentEncoding` (JSON Schema), `format: byte` and `binary` (OpenAPI, Kubernetes, pydantic's `bytes`), `format: base64`
and `base64url` (pydantic), `format: data-url` (react-jsonschema-form, so Backstage), and a presentation's `widget: file`.
The answer is a text at every door; a file that somebody chooses is written as the contract says.
"""

import base64
import binascii
import re
from typing import Literal
from urllib.parse import quote, unquote

from bot.contract.schema import Schema

Way = Literal["base64", "base64url", "data-url", "text"]

#: Bytes of all such files in one form: also as Base64 they fit into one call over HTTP, and into a request.
MOST = 512 * 1024
_FORMATS: dict[str, Way] = {
    "byte": "base64",
    "base64": "base64",
    "base64url": "base64url",
    "data-url": "data-url",
    "binary": "text",
}
_ENCODINGS: dict[str, Way] = {"base64": "base64", "base64url": "base64url"}
#: What people can type as well as choose.
_TYPED = re.compile(r"text/.*|application/(.*\+)?(json|xml|yaml|x-yaml|toml|javascript|sql)")
_DATA_URL = re.compile(r"data:(?P<type>[^;,]*)(?P<rest>(;[^;,]*)*),(?P<data>.*)", re.DOTALL)


def way(schema: Schema) -> Way | None:
    """How a text field holds a file; None: it is a text that people type."""
    encoding = str(schema.get("contentEncoding", "")).lower()
    if encoding in _ENCODINGS:
        return _ENCODINGS[encoding]
    media = schema.get("contentMediaType")
    if isinstance(media, str) and not encoding and not is_typed(media):
        return "text"
    return _FORMATS.get(str(schema.get("format")))


def is_typed(media_type: str) -> bool:
    """Whether a document of that media type is text that people write."""
    return _TYPED.fullmatch(media_type.partition(";")[0].strip().lower()) is not None


def encoded(how: Way, name: str, media_type: str, content: bytes) -> str:
    """What is in a file as an answer. Raises ValueError with a sentence for a person."""
    if how == "text":
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ValueError(f"{name} is no text in UTF-8, and text is what is asked for.") from None
    if how == "data-url":
        return f"data:{media_type};name={quote(name, safe='')};base64,{base64.b64encode(content).decode()}"
    return (base64.urlsafe_b64encode if how == "base64url" else base64.b64encode)(content).decode()


def described(how: Way, text: str) -> tuple[str, int]:
    """The file's name where the answer has it, and about how many bytes are in it."""
    if how == "text":
        return "", len(text.encode())
    found = _DATA_URL.fullmatch(text) if how == "data-url" else None
    if found is None:
        return "", len(text) * 3 // 4 - text[-2:].count("=")
    named = next((each[5:] for each in found["rest"].split(";") if each.startswith("name=")), "")
    size = len(found["data"])
    return unquote(named), size * 3 // 4 - text[-2:].count("=") if found["rest"].endswith(";base64") else size


def is_base64(text: str) -> bool:
    """In one line or in several, as many tools write it."""
    return _decodes("".join(text.split("\n")).replace("\r", ""))


def is_base64url(text: str) -> bool:
    """Base64 with `-` and `_`, which go into an address."""
    return _decodes(text.rstrip("\n").replace("-", "+").replace("_", "/"))


def is_data_url(text: str) -> bool:
    """RFC 2397: `data:text/plain;base64,aGVsbG8=`."""
    found = _DATA_URL.fullmatch(text)
    return found is not None and (not found["rest"].endswith(";base64") or is_base64(unquote(found["data"])))


def _decodes(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
