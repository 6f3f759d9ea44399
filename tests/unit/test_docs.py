"""The documentation says what is so: its example works, its tables are whole, and it names what exists."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

import bot
from bot import catalogue as catalogues
from bot.catalogue import BUILT_IN
from bot.cli import cli
from bot.slack.listings import HELP

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "bot" / "README.md").read_text(encoding="utf-8")
AUTHORS = (ROOT / "offerings" / "README.md").read_text(encoding="utf-8")
HANDLERS = {path.partition(":")[0]: catalogues._import(path) for path in BUILT_IN}


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_smallest_offering_is_short_and_works(tmp_path: Path) -> None:
    (example,) = blocks(README, "python")
    assert len([line for line in example.splitlines() if line.strip()]) < 20
    assert len(example.splitlines()) <= 20
    (tmp_path / "vpn.py").write_text(example, encoding="utf-8")
    (offering,) = catalogues.load(tmp_path, {}).newest()
    assert (offering.name, list(offering.steps), offering.contract.form["required"]) == ("vpn", ["profile"], ["laptop"])


def settings_read() -> set[str]:
    """The names that bot/settings.py and handlers read."""
    tree = ast.parse((ROOT / "bot" / "settings.py").read_text(encoding="utf-8"))
    names = {
        argument.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("text", "number")
        for argument in node.args[:1]
        if isinstance(argument, ast.Constant)
    }
    return {str(name) for name in names} | {
        name for handler in HANDLERS.values() for name in (*handler.settings, *handler.options)
    }


def settings_documented() -> set[str]:
    rows = re.findall(r"^\| (`[A-Z_`, ]+`) \|", README.partition("## Settings")[2], re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}


#: The command line reads these itself, in bot/cli.
CLIENT = {"FRONTDESK_URL", "FRONTDESK_TOKEN"}


def test_each_setting_is_documented_and_each_documented_one_is_read() -> None:
    assert settings_documented() == settings_read() | CLIENT
    client = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "bot" / "cli").glob("*.py"))
    assert {name for name in CLIENT if name not in client} == set()


def commands() -> dict[str, Any]:
    """Each public command by its whole name."""
    found: dict[str, Any] = {}

    def walk(group: Any, before: str) -> None:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                walk(command, f"{before}{name} ")
            elif not command.hidden:
                found[before + name] = command

    walk(typer.main.get_command(cli), "")
    return found


@pytest.mark.parametrize("name", sorted(commands()))
def test_each_command_says_what_it_does(name: str) -> None:
    assert commands()[name].get_short_help_str().strip()


def test_each_command_that_the_documentation_shows_exists() -> None:
    known = {name.split()[0] for name in commands()}
    shown = set()
    for text in (README, ARCHITECTURE, AUTHORS):
        for code in [*re.findall(r"`([^`\n]+)`", text), *blocks(text, "sh")]:
            shown |= set(re.findall(r"\bfrontdesk ([a-z]+)", code)) | set(re.findall(r"python -m bot ([a-z]+)", code))
    assert shown
    assert shown - known == set()


def test_each_verb_of_the_slash_command_is_in_its_help() -> None:
    from bot.slack.listeners.typed import VERBS

    assert {verb for verb in VERBS if verb not in ("", "catalogue") and f"/platform {verb}" not in HELP} == set()


@pytest.mark.parametrize("module", HANDLERS)
def test_each_resource_is_in_the_authors_table(module: str) -> None:
    handler = HANDLERS[module]
    name = f"{'.'.join(module.split('.')[2:3])}.{handler.resource.__name__}"
    (row,) = re.findall(rf"^\| `{re.escape(name)}\(([^)]*)\)`", AUTHORS, re.MULTILINE)
    fields = {argument.strip() for argument in row.split(",")}
    assert fields <= set(handler.resource.model_fields), f"{name} has no such field"


def test_the_house_names_what_stands_there() -> None:
    house = blocks(ARCHITECTURE, "text")[0]
    named = {
        word for line in house.splitlines() for word in re.findall(r"[a-z_]+", re.split(r" {2,}", line.strip())[0])
    }
    modules = {path.stem for path in (ROOT / "bot").glob("*.py")} | {
        path.parent.name for path in (ROOT / "bot").glob("*/__init__.py")
    }
    assert named - modules == set()
    assert modules - named - {"__init__", "migrations"} == set()


def test_the_modules_that_are_told_of_exist() -> None:
    told = ARCHITECTURE.partition("`service/`:")[2].partition("\n\n")[0]
    service, _, rest = told.partition("`store/`:")
    store, _, slack = rest.partition("`slack/`:")
    for folder, text in (("service", service), ("store", store), ("slack", slack)):
        names = set(re.findall(r"`([a-z_]+)`", text))
        assert {name for name in names if not list((ROOT / "bot" / folder).rglob(f"{name}.py"))} == set(), folder


@pytest.mark.parametrize("page", ["README.md", "bot/README.md", "offerings/README.md"])
def test_links_lead_to_files_that_exist(page: str) -> None:
    path = ROOT / page
    links = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_what_an_author_imports_is_told_of() -> None:
    text = AUTHORS + README
    assert [name for name in bot.__all__ if not re.search(rf"\b{name}\b", text)] == []


@pytest.mark.parametrize("code", [*blocks(README, "python"), *blocks(AUTHORS, "python")])
def test_the_python_that_is_shown_is_python(code: str) -> None:
    ast.parse(code)


def test_the_pages_are_short_enough_to_be_read() -> None:
    assert len(README.split()) < 1500
    assert len(ARCHITECTURE.split()) < 2350
