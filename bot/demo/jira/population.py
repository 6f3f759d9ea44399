"""What the demo's Jira consists of: an account for the bot, and projects whose workflows differ on purpose."""

from bot.demo.jira.entities import JSON, Account, Project, Status, Transition
from bot.demo.jira.site import SOMEBODY, JiraStandIn

BOT = Account("557058:f58131cb-b67d-43c7-b30d-6b58d40bd077", "Frontdesk", "frontdesk@example.com", "jira-demo-token")

PEOPLE = (SOMEBODY, Account("5b10ac8d82e05b22cc7d4ef5", "Tom Tester", "tom@example.com"))


def _text(name: str, *, required: bool = False) -> JSON:
    return {"name": name, "required": required, "schema": {"type": "string"}}


def screen() -> dict[str, JSON]:
    """The fields that Jira's default create screen has."""
    return {
        "project": _text("Project", required=True),
        "issuetype": _text("Issue Type", required=True),
        "summary": _text("Summary", required=True),
        "description": _text("Description"),
        "labels": {"name": "Labels", "required": False, "schema": {"type": "array", "items": "string"}},
        "priority": {"name": "Priority", "required": False, "schema": {"type": "priority"}},
        "assignee": {"name": "Assignee", "required": False, "schema": {"type": "user"}},
        "duedate": {"name": "Due date", "required": False, "schema": {"type": "date"}},
    }


_RESOLUTION: JSON = {
    "name": "Resolution",
    "required": True,
    "hasDefaultValue": False,
    "allowedValues": [{"id": "10100", "name": "Done"}, {"id": "10101", "name": "Won't Do"}],
}


def simple(key: str, id: str, name: str) -> Project:  # noqa: A002  Jira's word
    """To Do, In Progress, Done; everything leads everywhere, as in a team-managed project."""
    statuses = (
        Status("10000", "To Do", "new"),
        Status("3", "In Progress", "indeterminate"),
        Status("10002", "Done", "done"),
    )
    ways = tuple(Transition(str(11 + 10 * at), status.name, status.name) for at, status in enumerate(statuses))
    return Project(key, id, name, statuses, ways, screen())


def elaborate(key: str, id: str, name: str) -> Project:  # noqa: A002  Jira's word
    """Own names, a fixed order, and a resolution that closing asks for."""
    statuses = (
        Status("10200", "Eingang", "new"),
        Status("10201", "Wird geprüft", "indeterminate"),
        Status("10202", "In Arbeit", "indeterminate"),
        Status("10203", "Erledigt", "done"),
        Status("10204", "Abgelehnt", "done"),
    )
    closing = {"resolution": _RESOLUTION}
    ways = (
        Transition("5", "Prüfen", "Wird geprüft", ("Eingang",)),
        Transition("6", "Anfangen", "In Arbeit", ("Eingang", "Wird geprüft")),
        Transition("7", "Abschließen", "Erledigt", ("In Arbeit",), closing),
        Transition("8", "Ablehnen", "Abgelehnt", ("Eingang", "Wird geprüft", "In Arbeit"), closing),
    )
    fields = screen() | {"customfield_10050": {"name": "Team", "required": False, "schema": {"type": "string"}}}
    return Project(key, id, name, statuses, ways, fields)


def populate(jira: JiraStandIn) -> JiraStandIn:
    """The bot's account (`BOT`), people without a token (`PEOPLE`), and the projects DBA, ACCESS and OPS."""
    jira.accounts += (BOT, *PEOPLE)
    for project in (
        simple("DBA", "10300", "Databases"),
        simple("ACCESS", "10301", "Access"),
        elaborate("OPS", "10302", "Betrieb"),
    ):
        jira.projects[project.key] = project
    return jira
