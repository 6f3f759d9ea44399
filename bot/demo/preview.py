"""`frontdesk preview SOURCE`: an author sees the form that people will see, and it is drawn anew at each save.

The real bot runs beside the workspace with the offerings of SOURCE, so what is wrong with an answer, the pages and
the conditions are those that people meet.
"""

import json
import sys
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot import catalogue, settings
from bot.demo.stage import Stage, StageError, end_as_by_ctrl_c, offerings, scene
from bot.errors import FrontdeskError, Misconfigured
from bot.imports import files, writing
from bot.offering import Offering
from bot.slack.forms.about import FORM, About
from bot.slack.forms.entries import Draft
from bot.slack.forms.filled import Filled
from bot.slack.forms.pages import Sheet

#: Seconds between looks at the files.
LOOK = 0.5


def show(source: str, *, open_browser: bool = False) -> int:
    """Serve the form until Ctrl-C; the exit code."""
    end_as_by_ctrl_c()
    with _chosen(source) as chosen, scene(settings.environment(), chosen.path) as stage:
        print(f"The form of {source}: {stage.page_url}. It is drawn anew at each save; Ctrl-C ends it.", flush=True)
        if open_browser:
            webbrowser.open(stage.page_url)
        try:
            while True:
                _draw(chosen, stage)
        except KeyboardInterrupt:
            return 0


def dump(source: str) -> int:
    """Print the views that people get, as JSON: for each offering its pages in their order; the exit code."""
    with _chosen(source) as chosen:
        views = {offering.name: pages(offering) for offering in chosen.offerings()}
    print(json.dumps(views, indent=2))
    return 0


@dataclass(frozen=True)
class Chosen:
    """SOURCE as a folder of offerings, or one file of it: then only that runs, and what it imports.

    A document that is no offering file is imported into one at each look.
    """

    source: str
    path: Path
    document: Path | None = None

    def offerings(self) -> list[Offering[Any]]:
        """Those of SOURCE, read afresh. Raises Misconfigured."""
        if self.document:
            texts = writing.offering_file(
                files.load(self.document),
                name=None,
                document=self.document.name,
                owner="@data-platform",
                notify="#data-platform",
            )
            files.write(texts, self.path, force=True)
        catalogue.forget()
        found = catalogue.read_offerings(self.path)
        chosen = [each for each in found if self._is_mine(each)]
        if not chosen:
            names = ", ".join(each.name for each in found)
            raise Misconfigured("is no file and no offering.", where=self.source, hint=f"There is: {names}.")
        return chosen

    def _is_mine(self, offering: Offering[Any]) -> bool:
        return self.document is not None or self.path.is_file() or offering.name == self.source

    def seen(self) -> dict[Path, tuple[float, int]]:
        """When the files were saved that the form comes from, and how large they are: one may be read half written."""
        source = self.document or self.path
        # What lies beside an offering file may be what its form is read from.
        folder = source if source.is_dir() else source.parent
        watched = (
            [source] if self.document and source.is_file() else [each for each in folder.iterdir() if each.is_file()]
        )
        stats = {path: path.stat() for path in watched if path.exists()}
        return {path: (stat.st_mtime, stat.st_size) for path, stat in stats.items()}


@contextmanager
def _chosen(source: str) -> Iterator[Chosen]:
    path = Path(source)
    if not path.exists():
        mine = settings.read().offerings
        yield Chosen(source, mine if mine.is_dir() else offerings())
    elif path.suffix == ".py":
        yield Chosen(source, path.resolve())
    else:
        with TemporaryDirectory(prefix="frontdesk-preview-") as folder:
            yield Chosen(source, Path(folder), path.resolve())


def _draw(chosen: Chosen, stage: Stage) -> None:
    """Run the bot and open the form, until a file is saved."""
    before = chosen.seen()
    try:
        name = chosen.offerings()[0].name
        with stage.bot():
            ada = stage.workspace.person("ada")
            if ada.view():
                ada.close_all()
            ada.type_command("#general", f"/platform request {name}")
            _wait(chosen, before)
    except (FrontdeskError, StageError) as error:
        print(f"Not shown: {error}", file=sys.stderr)
        _wait(chosen, before)


def pages(offering: Offering[Any]) -> list[dict[str, Any]]:
    """The views of an empty form, a page each."""
    about = About(offering=offering.name, version=offering.version)
    sheet = Sheet(Filled(offering.presented), about, offering.title, FORM, "Request", Draft())
    return [sheet.turned(number).view() if number else sheet.view() for number in range(len(sheet.pages))]


def _wait(chosen: Chosen, before: dict[Path, tuple[float, int]]) -> None:
    while chosen.seen() == before:
        time.sleep(LOOK)
