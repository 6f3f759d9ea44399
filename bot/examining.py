"""What `frontdesk doctor` looks at: the database, and the systems that it talks to; it works while nothing runs."""

from typing import Any

from bot import catalogue, doctor
from bot.doctor import Finding
from bot.errors import Blocked, Misconfigured, PermanentError, TemporaryError, Unavailable
from bot.handler import Reaches
from bot.settings import Settings
from bot.slack import door
from bot.store import checkup
from bot.store.database import Database
from bot.store.migration import is_current


def examine(settings: Settings) -> list[Finding]:
    """Everything that is wrong or good to know; what cannot be asked is a finding too."""
    return [*_database(settings), *_slack(settings), *_handlers(settings)]


def _database(settings: Settings) -> list[Finding]:
    database = Database(settings.database_url)
    try:
        if not is_current(database):
            says = "The database is not at the schema of this version."
            return [Finding("schema", "the database", says, "Run frontdesk migrate.")]
        return doctor.findings(checkup.take(database), slack=settings.slack)
    except Unavailable as error:
        return [Finding("database", "the database", str(error), "Start it, or mend DATABASE_URL.")]
    finally:
        database.close()


def _slack(settings: Settings) -> list[Finding]:
    if not settings.slack:
        return []
    try:
        who = door.who_we_are(door.client(settings.slack_bot_token, settings.slack_api_url))
    except (PermanentError, TemporaryError) as error:
        next_ = (
            "Nothing is lost, what is to be said waits. A refused token: install the app again, set SLACK_BOT_TOKEN."
        )
        return [Finding("slack", "Slack", str(error), next_)]
    return [Finding("slack", "Slack", f"Slack answers: {who}.", "Nothing to do.", wrong=False)]


def _handlers(settings: Settings) -> list[Finding]:
    try:
        handlers = catalogue.load(settings.offerings, settings.environment).handlers.values()
    except Misconfigured as error:
        return [Finding("offerings", "the offerings", str(error), "Mend it, then frontdesk check.")]
    return [_reached(handler, handler.name, handler.settings) for handler in handlers if isinstance(handler, Reaches)]


def _reached(handler: Any, name: str, needs: tuple[str, ...]) -> Finding:
    system = name.capitalize()
    try:
        return Finding(name, system, f"{system} answers: {handler.reach()}.", "Nothing to do.", wrong=False)
    except (PermanentError, Blocked) as error:
        return Finding(name, system, str(error), f"Mend {', '.join(needs)}.")
    except TemporaryError as error:
        return Finding(
            name, system, str(error), "Steps wait meanwhile and go on by themselves; see to it that it answers."
        )
