"""The house as it is packed: each package is in the wheel, each dependency is declared and pinned, and nothing leaks."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TEST = [Requirement(line) for line in PROJECT["project"]["optional-dependencies"]["test"]]
#: Installed where somebody measures: tests/benchmarks/rivals.
MEASURED = [Requirement(line) for line in PROJECT["project"]["optional-dependencies"]["benchmarks"]]
RUNS = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
PINS = [
    Requirement(line)
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def test_each_package_is_listed_for_the_wheel() -> None:
    found = {".".join(path.parent.relative_to(ROOT).parts) for path in ROOT.glob("bot/**/__init__.py")}
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == sorted(found | {"bot.demo.offerings"})


def test_each_folder_of_code_is_a_package() -> None:
    folders = {path.parent for path in ROOT.glob("bot/**/*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_each_file_that_is_no_code_is_package_data() -> None:
    patterns = PROJECT["tool"]["setuptools"]["package-data"]
    packed = {path for package, names in patterns.items() for name in names for path in _folder(package).glob(name)}
    files = {path for path in ROOT.glob("bot/**/*") if path.is_file() and path.suffix not in {".py", ".pyc"}}
    read_here = {ROOT / "bot" / "README.md", ROOT / "bot" / "demo" / "picture.png"}
    assert sorted(str(path) for path in files - packed - read_here) == []
    assert {ROOT / "bot" / "py.typed", *ROOT.glob("offerings/*.py")} <= packed


def _folder(package: str) -> Path:
    mapped: str = PROJECT["tool"]["setuptools"]["package-dir"].get(package, package.replace(".", "/"))
    return ROOT / mapped


def test_what_runs_is_pinned_and_fits_what_is_declared() -> None:
    assert [pin for pin in PINS if not _exact(pin) or pin.url] == []
    pinned = {canonicalize_name(pin.name): _exact(pin) for pin in PINS}
    unmet = {
        str(wanted): pinned.get(canonicalize_name(wanted.name))
        for wanted in RUNS
        if not wanted.specifier.contains(pinned.get(canonicalize_name(wanted.name)) or "0")
    }
    assert unmet == {}


def test_the_extras_are_pinned_and_contradict_no_pin_of_what_runs() -> None:
    assert [wanted for wanted in [*TEST, *MEASURED] if not _exact(wanted) or wanted.url] == []
    pinned = {canonicalize_name(pin.name): pin.specifier for pin in PINS}
    assert [
        wanted for wanted in TEST if pinned.get(canonicalize_name(wanted.name), wanted.specifier) != wanted.specifier
    ] == []


def _exact(requirement: Requirement) -> str | None:
    found = re.fullmatch(r"==([^*,]+)", str(requirement.specifier))
    return found[1] if found else None


def test_each_library_that_tests_import_is_declared() -> None:
    # deptry asks this of bot/ and offerings/.
    declared = {canonicalize_name(wanted.name) for wanted in [*RUNS, *TEST, *MEASURED]} | {"frontdesk"}
    brought = packages_distributions()
    missing = {
        name: str(path.relative_to(ROOT))
        for path in ROOT.glob("tests/**/*.py")
        for name in _imported(path) - sys.stdlib_module_names - {"bot", "offerings", "tests"}
        if not declared & {canonicalize_name(each) for each in brought.get(name, [name])}
    }
    assert missing == {}


def _imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


def test_nothing_names_one_machine_or_an_address_to_install_from() -> None:
    leaks = re.compile(
        r"(^|[^A-Za-z0-9_.\"'])/(work|farm|root|home/[a-z]+)/|--index-url|--extra-index-url|--find-links|\bpip\.conf\b"
    )
    me = Path(__file__)
    texts = {path: path.read_text(encoding="utf-8") for path in _committed() if path != me and _is_text(path)}
    assert {str(path): found[0] for path, text in texts.items() if (found := leaks.search(text))} == {}


def test_no_lock_file_is_committed() -> None:
    locks = {"uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "package-lock.json", "yarn.lock"}
    assert [path for path in _committed() if path.name in locks] == []


def _committed() -> list[Path]:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("this is no git checkout, or git is not installed")
    # The checkout may belong to somebody else than who tests it; git refuses that unless told.
    git = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listed = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def _is_text(path: Path) -> bool:
    return path.suffix not in {".png", ".svg", ".ico", ".woff2"} and "static/htmx" not in path.as_posix()


def test_the_top_of_the_house_is_tidy() -> None:
    allowed = {
        "LICENSE",
        "Procfile",
        "README.md",
        "bot",
        "manifest.yml",
        "offerings",
        "pyproject.toml",
        "requirements.txt",
        "tests",
    }
    top = {path.relative_to(ROOT).parts[0] for path in _committed()}
    assert {name for name in top if not name.startswith(".")} <= allowed


@pytest.mark.parametrize(
    "command",
    [
        "pip install -c requirements.txt -e . && frontdesk demo",
        "pip install -c requirements.txt -e '.[test]' && pytest",
    ],
)
def test_the_readme_gives_the_commands_that_ci_runs(command: str) -> None:
    assert command in (ROOT / "README.md").read_text(encoding="utf-8")
    install, _, run = command.partition(" && ")
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").replace("pip install -q", "pip install")
    assert install in script
    assert re.search(rf"&& .*{run}", script)


def test_ci_never_waves_a_failure_through() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "|| true" not in script
    assert "set -euo pipefail" in script
