"""A Jira on a real socket, which is as unpleasant as real ones, in both kinds."""

from collections.abc import Iterator

import pytest

from tests.integration import jira_openapi
from tests.integration.jira_site import Server, Site


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture(params=[True, False], ids=["Cloud", "DataCenter"])
def site(request: pytest.FixtureRequest, server: Server) -> Iterator[Site]:
    yield from _checked(server.site(cloud=request.param))


@pytest.fixture
def cloud(server: Server) -> Iterator[Site]:
    yield from _checked(server.site(cloud=True))


def _checked(site: Site) -> Iterator[Site]:
    """Every request that arrived must be one that Atlassian's document knows."""
    yield site
    if jira_openapi.DOCUMENT.exists():
        wrong = {f"{one.method} {one.path}": told for one in site.jira.log if (told := jira_openapi.problems(one))}
        assert wrong == {}
