"""`frontdesk demo`: the main job on this machine alone, with nothing to sign up for."""

import sys
import threading
import webbrowser

from bot import settings
from bot.demo import tour as tours
from bot.demo.stage import Stage, StageError, end_as_by_ctrl_c, staged


def run(*, open_browser: bool = False, tour: bool = False) -> int:
    """Set the stage; then play the tour, or wait for Ctrl-C. The exit code."""
    end_as_by_ctrl_c()
    try:
        with staged(settings.environment()) as stage:
            if tour:
                return tours.play(stage)
            _introduce(stage)
            if open_browser:
                webbrowser.open(stage.page_url)
            threading.Event().wait()
    except KeyboardInterrupt:
        print("Ending.")
        return 130 if tour else 0
    except (StageError, tours.NotSeen) as error:
        print(f"The demo failed: {error}", file=sys.stderr)
        return 1
    return 0


def _introduce(stage: Stage) -> None:
    token = stage.token("ada@example.com")
    print(f"""
Frontdesk is ready, with a workspace, a Jira and a database of its own. All of it is on this machine and goes when it ends.

  The workspace    {stage.page_url}   you are Ada; switch to Grace, Linus or Margaret at the top left
  Jira             {stage.jira_url}
  The HTTP API     {stage.bot_url}/openapi.json
  The bot's log    {stage.log}

Try, as Ada in #general:     /platform
Then, as Grace:              press Approve on the card in #data-platform, and later Done
In Jira, on an issue's page: comment, reassign, close or archive it; its card's thread says so
On another command line:     FRONTDESK_URL={stage.bot_url} FRONTDESK_TOKEN={token} frontdesk list

Ctrl-C ends it.
""")
