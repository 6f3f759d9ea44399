"""`frontdesk preview`: an author sees the form at each save, and what is wrong with the file."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from bot.demo import preview as previews

ROOT = Path(__file__).parents[2]
PROMISE = """
apiVersion: platform.kratix.io/v1alpha1
kind: Promise
metadata: {name: redis}
spec:
  api:
    apiVersion: apiextensions.k8s.io/v1
    kind: CustomResourceDefinition
    spec:
      group: example.com
      names: {kind: redis, plural: redis}
      versions:
        - name: v1
          served: true
          schema:
            openAPIV3Schema:
              type: object
              properties: {spec: {type: object, properties: {size: {type: string, enum: [small, large]}}}}
"""


def preview(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", "preview", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_the_views_of_an_offering_and_of_a_promise_are_printed(tmp_path: Path) -> None:
    named = json.loads(preview("postgres", "--json").stdout)
    assert [view["title"]["text"] for view in named["postgres"]] == ["PostgreSQL"]
    document = tmp_path / "redis.yaml"
    document.write_text(PROMISE)
    imported = json.loads(preview(str(document), "--json").stdout)
    assert [block["label"]["text"] for block in imported["redis"][0]["blocks"] if block["type"] == "input"] == ["Size"]


def test_of_a_folder_only_the_named_file_runs_and_what_it_imports(tmp_path: Path) -> None:
    mark = f"from pathlib import Path; Path({str(tmp_path)!r}, __name__.rpartition('.')[2]).touch()\n"
    text = (ROOT / "offerings" / "postgres.py").read_text()
    (tmp_path / "mine.py").write_text(f"{text}\nfrom offerings import words\n{mark}")
    (tmp_path / "words.py").write_text(mark)
    (tmp_path / "another.py").write_text(mark + "1 / 0")
    done = preview(str(tmp_path / "mine.py"), "--json")
    assert list(json.loads(done.stdout)) == ["postgres"], done.stderr
    assert {path.name for path in tmp_path.iterdir() if not path.suffix} - {"__pycache__"} == {"mine", "words"}


def test_what_does_not_exist_is_named() -> None:
    done = preview("nothing", "--json")
    assert done.returncode == 1
    assert "nothing: is no file and no offering. There is: access, notice, postgres." in done.stderr


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[tuple[Path, str, subprocess.Popen[str]]]:
    file = tmp_path / "mine.py"
    file.write_text((ROOT / "offerings" / "postgres.py").read_text())
    (tmp_path / "beside.py").write_text("raise RuntimeError('runs although nobody asked for it')")
    line = [sys.executable, "-u", "-m", "bot", "preview", str(file)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            found = re.search(r"http://[\d.:]+\d", process.stdout.readline())
            assert found
            yield file, found.group(), process
        finally:
            process.terminate()


def until(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not seen():
        assert time.monotonic() < deadline, "not seen within 90 seconds"
        time.sleep(0.2)


def test_the_form_is_drawn_anew_when_its_file_is_saved(shown: tuple[Path, str, subprocess.Popen[str]]) -> None:
    file, url, process = shown

    def reads(words: str) -> bool:
        return words in httpx.get(f"{url}/as/ada", follow_redirects=True).text

    until(lambda: reads("Lower case, no spaces"))
    file.write_text(file.read_text().replace("Lower case, no spaces", "What it is called"))
    until(lambda: reads("What it is called"))
    file.write_text("postgres = (")
    assert process.stderr
    assert re.search(r"Not shown: .*mine\.py:1: SyntaxError", process.stderr.readline())


@pytest.mark.parametrize("source", ["module", "mine.py", "form.yaml"])
def test_whatever_a_form_comes_from_is_watched(tmp_path: Path, source: str) -> None:
    (tmp_path / "module").mkdir()
    files = {"module": "module/variables.tf", "mine.py": "mine.schema.json", "form.yaml": "form.yaml"}
    for name in ("module/variables.tf", "mine.py", "mine.schema.json", "form.yaml"):
        (tmp_path / name).touch()
    with previews._chosen(str(tmp_path / source)) as chosen:
        before = chosen.seen()
        os.utime(tmp_path / files[source], (1, 1))
        emptied = chosen.seen()
        assert emptied != before
        (tmp_path / files[source]).write_text("filled")
        os.utime(tmp_path / files[source], (1, 1))  # a clock that is not fine enough to tell
        assert chosen.seen() != emptied


def test_the_bot_ends_with_whoever_shows_its_form(shown: tuple[Path, str, subprocess.Popen[str]]) -> None:
    _, _, process = shown
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    until(lambda: bool(children.read_text()))
    (bot,) = children.read_text().split()
    process.terminate()
    assert process.wait(30) == 0
    assert not Path(f"/proc/{bot}").exists()
