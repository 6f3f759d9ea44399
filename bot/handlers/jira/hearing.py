"""Webhooks: whether Jira sent one, which one it is, and which issues it is about. Pure.

Signature: https://developer.atlassian.com/cloud/jira/platform/webhooks#secured-webhooks
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any

from bot.errors import Unproven
from bot.handler import JSON, Heard
from bot.handlers.jira.creation import LABEL

SECRET = "JIRA_WEBHOOK_SECRET"  # noqa: S105 - the name of a setting


def heard(headers: Mapping[str, str], body: bytes, secret: str | None) -> Heard:
    """What a call says, once it has proven that it knows `secret`. Raises Unproven."""
    _verify(headers.get("x-hub-signature", ""), body, secret)
    told = _object(body)
    identifier = headers.get("x-atlassian-webhook-identifier")
    return Heard(identifier or _digest(told, body), _numbers(told))


def _verify(signature: str, body: bytes, secret: str | None) -> None:
    if not secret:
        raise Unproven(
            f"{SECRET} is not set here, so nothing is taken from Jira's webhooks; issues are looked at anyway."
        )
    if not signature:
        raise Unproven(f"The call is not signed. In Jira, give the webhook the secret that {SECRET} holds here.")
    expected = f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
    if not hmac.compare_digest(signature.strip().lower().encode(), expected.encode()):
        raise Unproven(f"The signature is not that of the secret in {SECRET}: set the same one in Jira's webhook.")


def _object(body: bytes) -> JSON:
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _digest(told: JSON, body: bytes) -> str:
    """Data Center gives a call no name: what happened, when, and to what."""
    parts = [told.get("webhookEvent"), told.get("issue_event_type_name"), told.get("timestamp")]
    parts += [_member(told, name).get("id") for name in ("issue", "comment", "changelog")]
    whole = json.dumps(parts).encode() if any(parts) else body
    return hashlib.sha256(whole).hexdigest()


def _numbers(told: JSON) -> list[str]:
    """The issue's id, and the label of a new one of ours: the answer to its creation may have been lost.

    A comment may come without its issue, but with its own address.
    """
    issue = _member(told, "issue")
    number = issue.get("id")
    if number is None:
        match = re.search(r"/issue/(\d+)/comment/", str(_member(told, "comment").get("self")))
        number = match[1] if match else None
    labels = _member(issue, "fields").get("labels") if told.get("webhookEvent") == "jira:issue_created" else None
    ours = [each for each in labels if str(each).startswith(LABEL)] if isinstance(labels, list) else []
    return [str(each) for each in (*([] if number is None else [number]), *ours)]


def _member(told: JSON, name: str) -> dict[str, Any]:
    value = told.get(name)
    return value if isinstance(value, dict) else {}
