"""Requests, instances and offerings as a person reads them in a terminal."""

from collections.abc import Iterable
from typing import Any

from bot.cli import output

JSON = dict[str, Any]


def requests(items: Iterable[JSON], *, empty: str) -> None:
    """One line each."""
    rows = ([r["id"], r["kind"], r["offering"], r["state"], r["requester"]["name"], _when(r), _what(r)] for r in items)
    output.table(["Request", "Kind", "Offering", "State", "By", "Asked (UTC)", "What"], rows, empty=empty)


def moved(request: JSON) -> None:
    """Where a request stands now, in one line."""
    waits = [f"{step['name']} waits for {step['ask']['group']}" for step in request["steps"] if step["ask"]]
    if request["state"] == "awaiting_approval":
        deciders = " and ".join(_rule(rule) for rule in request["rules"])
        waits = [f"{deciders} has to approve{_moment('by', request['decide_by'])}"]
    waits += [f"{step['name']}: {step['reason']}" for step in request["steps"] if step["state"] == "failed"]
    rest = f": {'; '.join(waits)}" if waits else ""
    output.say(f"{request['id']} is {request['state'].replace('_', ' ')}{rest}.")


def request(record: JSON) -> None:
    """The whole story of one request."""
    output.facts(
        [
            ("Request", f"{record['id']}: {record['kind']} {record['offering']} {record['version']}"),
            ("State", record["state"]),
            ("By", _named(record["requester"])),
            ("Owner", _named(record["owner"]) if record["owner"] != record["requester"] else None),
            ("Reason", record["reason"]),
            ("Stands", record["says"]),
            ("Asked", f"{_when(record)} UTC"),
            ("Instance", _instance(record)),
            ("Approval", " and ".join(_rule(rule) for rule in record["rules"]) or "not needed"),
            ("Decide by", f"{output.moment(record['decide_by'])} UTC" if record["decide_by"] else None),
        ]
    )
    output.heading("Answers")
    output.facts(output.flat(record["form"]))
    _steps(record["steps"])
    if record["decisions"]:
        output.heading("Decisions")
        output.table(["At (UTC)", "Who", "Said", "Reason"], map(_decision, record["decisions"]), empty="")
    if record["outputs"]:
        output.heading("Outputs")
        output.facts(output.flat(record["outputs"]))
    if record["unsaid"]:
        output.heading("Could not be said")
        for each in record["unsaid"]:
            again = f" The next attempt is on {output.moment(each['again_at'])} UTC." if each["again_at"] else ""
            output.say(f"{each['says']}.{again}")
    output.heading("What happened")
    rows = ([output.moment(e["at"]), _who(e), e["says"]] for e in record["events"])
    output.table(["At (UTC)", "Who", "Did"], rows, empty="")


def instances(items: Iterable[JSON]) -> None:
    """One line each."""
    rows = (
        [i["id"], i["offering"], i["state"], _ends(i), _short(i["form"]), _got(i), i["open_request"]] for i in items
    )
    columns = ["Instance", "Offering", "State", "Until (UTC)", "What", "Outputs", "Open request"]
    output.table(columns, rows, empty="You have no instances.")


def renewed(instance: JSON) -> None:
    """Its new end, in one line."""
    left = instance["renewals_left"]
    again = f"It can be renewed {left} more time{'' if left == 1 else 's'}." if left else "It cannot be renewed again."
    output.say(f"{instance['id']} is there{_moment('until', instance['expires_at'])}. {again}")


def offerings(items: Iterable[JSON]) -> None:
    """One line each."""
    rows = ([o["name"], o["title"], o["owner"], duration(o["usual_seconds"]), ", ".join(o["tags"])] for o in items)
    output.table(["Name", "Title", "Owner", "Usually", "Tags"], rows, empty="Nothing is offered.")


def offering(record: JSON) -> None:
    """What it is and what it asks."""
    from bot import contract  # noqa: PLC0415 - only here, and --help should be quick

    output.facts(
        [
            ("Offering", f"{record['name']} {record['version']}"),
            ("Title", record["title"]),
            ("Owner", record["owner"]),
            ("Tags", ", ".join(record["tags"]) or None),
            ("About", record["description"] or None),
        ]
    )
    output.heading("Fields")
    rows = (
        [
            f"--{question.name}",
            "|".join(contract.written(choice.value) for choice in question.choices) or question.kind,
            "required" if question.required else "",
            "" if question.default is None else contract.written(question.default),
            question.description,
        ]
        for question in contract.fields(record["form"])
        if question.kind != "section"
    )
    output.table(["Option", "Value", "", "Default", "About"], rows, empty="It asks nothing.")


def plan(items: Iterable[JSON]) -> None:
    """The steps and what each would ask for."""
    for step in items:
        output.heading(f"{step['step']}: {step['description']}")
        resource = step["resource"]
        if resource is None:
            output.say(f"{step['kind']}: known once the steps before it are done")
        else:
            output.facts([("kind", step["kind"]), *output.flat(resource)])


def duration(seconds: float | None) -> str:
    """`40 s`, `25 min`, `3 h`, `2 d`; nothing for None."""
    if seconds is None:
        return ""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or (seconds >= size and unit == "min"):
            return f"{round(seconds / size)} {unit}"
    return f"{round(seconds)} s"


def _steps(steps: list[JSON]) -> None:
    if not steps:
        return
    output.heading("Steps")
    rows = (
        [s["name"], s["state"], s["description"], _stands(s), output.moment(s["since"]), output.moment(s["until"])]
        for s in steps
    )
    columns = ["Step", "State", "What", "Stands", "Since (UTC)", "Until (UTC)"]
    output.table(columns, rows, empty="")
    for step in steps:
        if step["ask"]:
            output.heading(f"{step['name']} asks {step['ask']['group']}")
            output.say(step["ask"]["instructions"])


def _who(event: JSON) -> str:
    return _named(event["by"]) if event["by"] else event["elsewhere"] or "Frontdesk"


def _stands(step: JSON) -> str:
    worker = f" (worker {step['worker']})" if step["state"] == "running" else ""
    return f"{step['says']}{worker}"


def _instance(record: JSON) -> str:
    until = f", until {output.moment(record['expires_at'])} UTC" if record["expires_at"] else ""
    return (
        f"{record['instance']} is {record['instance_state']}{until}" if record["instance_state"] else record["instance"]
    )


def _moment(word: str, moment: str | None) -> str:
    return f" {word} {output.moment(moment)} UTC" if moment else ""


def _ends(instance: JSON) -> str:
    return output.moment(instance["expires_at"]) if instance["state"] in ("ready", "changing") else ""


def _got(instance: JSON) -> str:
    return _short(instance["outputs"] or {})


def _decision(decision: JSON) -> list[Any]:
    verdict = decision["verdict"] if decision["current"] else f"{decision['verdict']} (of older answers)"
    return [output.moment(decision["at"]), _named(decision["by"]), verdict, decision["reason"]]


def _rule(rule: JSON) -> str:
    who = " or ".join(rule["who"])
    return who if rule["count"] == 1 else f"{rule['count']} of {who}"


def _named(person: JSON) -> str:
    known = person["email"] or person["slack_id"]
    return person["name"] if known in (None, person["name"]) else f"{person['name']} ({known})"


def _when(request: JSON) -> str:
    return output.moment(request["created_at"])


def _what(request: JSON) -> str:
    return _short(request["form"])


def _short(answers: JSON) -> str:
    """A few answers on one line."""
    text = " ".join(f"{name}={' '.join(value.split())}" for name, value in output.flat(answers))
    return text if len(text) <= 60 else text[:59] + "…"
