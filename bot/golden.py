"""Golden contracts: one file for each offering and version, `contracts/NAME.VERSION.json` in the offerings folder.

Compared without titles and descriptions. A compatible change is recorded again by a command; one that would refuse
what was valid before needs a new version.
"""

import json
from pathlib import Path
from typing import Any

from bot import contract
from bot.contract import Contract
from bot.errors import Misconfigured
from bot.offering import Offering


def compare(offering: Offering[Any], folder: Path) -> str:
    """One line about an offering that is as it was recorded, or was not recorded yet. Raises Misconfigured."""
    path = _file(folder, offering.contract)
    steps = ", ".join(f"{step.name} ({step.resources[0].__name__})" for step in offering.steps.values())
    line = f"{offering.name} {offering.version}: {offering.title}. Steps: {steps}."
    if not path.exists():
        return f"{line} Its contract is not recorded yet: frontdesk check --record"
    _refuse_breaking(offering, path)
    if json.loads(path.read_text(encoding="utf-8")) != _golden(offering.contract):
        raise Misconfigured(
            f"the contract of {offering.name} {offering.version} has changed, compatibly.",
            where=offering.where,
            hint="Record it: frontdesk check --record",
        )
    return line


def record(offering: Offering[Any], folder: Path) -> Path | None:
    """Write the contract down; the file, or None if it said so already. Raises Misconfigured if it would break."""
    path = _file(folder, offering.contract)
    _refuse_breaking(offering, path)
    text = json.dumps(_golden(offering.contract), indent=2, sort_keys=True) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return None
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _golden(given: Contract) -> dict[str, Any]:
    outputs = contract.comparable(given.outputs) if given.outputs else None
    return {"name": given.name, "version": given.version, "form": contract.comparable(given.form), "outputs": outputs}


def _file(folder: Path, given: Contract) -> Path:
    return folder / "contracts" / f"{given.name}.{given.version}.json"


def _refuse_breaking(offering: Offering[Any], path: Path) -> None:
    if not path.exists():
        return
    old, given = json.loads(path.read_text(encoding="utf-8")), offering.contract
    reasons = contract.breaking(old["form"], given.form)
    if old["outputs"] or given.outputs:
        reasons += contract.breaking(old["outputs"] or {}, given.outputs or {}, outputs=True)
    if reasons:
        raise Misconfigured(
            f"the contract of {given.name} {given.version} would refuse what was valid before: {'; '.join(reasons)}",
            where=offering.where,
            hint="Give it a new version, and keep the old one as long as anything lives that was made with it.",
        )
