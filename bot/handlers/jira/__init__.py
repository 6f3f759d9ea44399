"""Jira issues: `jira.Issue(project="DBA", summary="...")` in an offering, `request.of(ticket).key` afterwards.

The issue is created once, told of each turn that the request takes, and closed at the end; it is never deleted.
Written for Jira Cloud and Data Center through the REST API v2.
"""

from bot.handlers.jira.handler import IssueHandler
from bot.handlers.jira.markup import escape
from bot.handlers.jira.resource import Issue, Ticket

__all__ = ["Issue", "IssueHandler", "Ticket", "escape"]
