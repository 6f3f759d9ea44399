"""The story against local-slack, a stand-in for Slack that nobody here wrote, with an unchanged bot as a process."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance import local_slack_kinds
from tests.acceptance.local_slack import GROUPS, configuration

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT.parent / "shared" / "tools" / "local-slack.sh"
MISSING = [
    *([] if SCRIPT.exists() else ["../shared/tools/local-slack.sh"]),
    *(name for name in ("npm", "ip", "curl") if shutil.which(name) is None),
    *([] if os.geteuid() == 0 else ["root, for a network namespace"]),
]

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"local-slack needs {', '.join(MISSING)}"),
    pytest.mark.timeout(300),  # npm brings 100 MB the first time
]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the npm package is put; LOCAL_SLACK_DIR keeps it from one run to the next."""
    kept = os.environ.get("LOCAL_SLACK_DIR")
    return Path(kept) if kept else tmp_path_factory.mktemp("local-slack")


@pytest.mark.parametrize(
    "walk",
    [
        pytest.param("socket", id="Socket Mode"),
        pytest.param("http", id="signed HTTP"),
        pytest.param("forged", id="a wrong signing secret"),
        pytest.param("kinds", id="each kind of element"),
    ],
)
def test_people_in_local_slack_get_what_they_ask_for(walk: str, installed: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "offerings", tmp_path / "offerings", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "offerings" / "groups.toml").write_text(GROUPS)
    for name, text in local_slack_kinds.offerings().items() if walk == "kinds" else ():
        (tmp_path / "offerings" / name).write_text(text)
    config = tmp_path / "slack.yaml"
    config.write_text(json.dumps(configuration(socket_mode=walk in ("socket", "kinds"))))
    told, code = run_beside(installed, config, "tests.acceptance.local_slack_walk", walk, str(tmp_path))
    log = tmp_path / "bot.log"
    assert code == 0, f"{told}\n--- the bot's log\n{log.read_text() if log.exists() else 'none'}"
    assert "Traceback" not in log.read_text()


def run_beside(installed: Path, config: Path, *module: str) -> tuple[str, int]:
    """Run a module in local-slack's namespace; what it printed and its exit code."""
    command = ["bash", str(SCRIPT), str(installed), str(config), sys.executable, "-m", *module]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        told, _ = process.communicate(timeout=240)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)  # the script's trap ends local-slack and the namespace
        told, _ = process.communicate(timeout=30)
    return told, process.returncode
