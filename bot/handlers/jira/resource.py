"""What an author asks for, and what later steps get."""

from typing import Any

from pydantic import Field

from bot.handler import Outputs, Resource


class Ticket(Outputs):
    """An issue that exists. `id` stays when the issue is moved to another project; `key` and `url` change."""

    key: str
    id: str
    url: str


class Issue(Resource[Ticket]):
    """An issue in Jira.

    The request's turns are written into it as comments, and it is moved by status category: in progress at the
    approval, done at the end. `started`, `done` and `declined` name the status (or the transition) to prefer where a
    workflow offers several of one category.
    """

    #: The project's key: `DBA`.
    project: str
    #: One line; whatever is over 255 characters is cut, with a mark.
    summary: str = Field(min_length=1)
    #: Plain text: wiki markup in it is made harmless, unless `wiki` is set.
    description: str = ""
    #: The description is wiki markup; then put what people typed through `jira.escape`.
    wiki: bool = False
    #: The issue type's name or id.
    type: str = "Task"
    labels: tuple[str, ...] = ()
    #: Further fields by id or name, as Jira's REST API takes them: `{"Team": {"value": "Data"}}`.
    fields: dict[str, Any] = Field(default_factory=dict)
    #: The step lasts until somebody closes the issue.
    wait: bool = False
    #: Preferred once the request is approved.
    started: str | None = None
    #: Preferred once the request is fulfilled.
    done: str | None = None
    #: Preferred where nothing comes of the request; closed like this by a person, a waiting step fails.
    declined: str | None = None
