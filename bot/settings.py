"""The environment as typed settings: the one place that reads it. Names are fixed points (bot/README.md)."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bot.errors import Misconfigured, PermanentError


@dataclass(frozen=True)
class Settings:
    """What a process is told from outside. `environment` is what handlers and secrets are resolved from."""

    database_url: str = "sqlite:///frontdesk.db"
    offerings: Path = Path("offerings")
    host: str = "127.0.0.1"
    port: int = 3000
    #: Where people reach this process, for links; empty: no links.
    public_url: str = ""
    slack_bot_token: str = ""
    slack_signing_secret: str = ""
    #: Set: Socket Mode instead of signed HTTP.
    slack_app_token: str = ""
    slack_api_url: str = "https://slack.com/api/"
    #: Where the people of the platform read of what needs them, and where cards go whose own channel is gone.
    platform_channel: str = ""
    #: What secrets in forms are encrypted with; the first encrypts, any decrypts.
    keys: tuple[str, ...] = field(default=(), repr=False)
    #: How long a step is held without a sign of life.
    lease: timedelta = timedelta(seconds=30)
    #: The rest between two messages to one channel; Slack allows one a second.
    pace: timedelta = timedelta(seconds=1)
    #: `plain` lines in the log, or `json`.
    log_format: str = "plain"
    #: Where a worker serves its numbers and its health; 0: nowhere.
    metrics_port: int = 0
    #: Where traces go (OpenTelemetry's OTLP); empty: nowhere.
    otlp_endpoint: str = ""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def slack(self) -> bool:
        """Whether there is a Slack to talk to."""
        return bool(self.slack_bot_token)

    @property
    def folder(self) -> Path:
        """The folder of the offerings, also where OFFERINGS names one file of it."""
        return self.offerings.parent if self.offerings.is_file() else self.offerings

    def secret(self, name: str) -> str:
        """The value of a secret, for a handler. Raises PermanentError when it is not set."""
        value = self.environment.get(name)
        if not value:
            raise PermanentError(f"The secret {name} is not set where the worker runs.")
        return value

    def link(self, number: str) -> str | None:
        """Where a request can be read, if a public address is set."""
        return f"{self.public_url.rstrip('/')}/v1/requests/{number}" if self.public_url else None


def environment() -> dict[str, str]:
    """What this process was started with, for processes that it starts."""
    return dict(os.environ)


def read(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process. Raises Misconfigured, naming the variable."""
    given = dict(os.environ if environment is None else environment)

    def text(name: str, default: str = "") -> str:
        return given.get(name, "").strip() or default

    def number(name: str, default: float) -> float:
        raw = text(name, str(default))
        try:
            return float(raw)
        except ValueError:
            raise Misconfigured(f"{raw!r} is not a number.", where=name, hint="Set a number or unset it.") from None

    settings = Settings(
        database_url=_database_url(text("DATABASE_URL", Settings.database_url)),
        offerings=Path(text("OFFERINGS", "offerings")),
        host=text("HOST", Settings.host),
        port=int(number("PORT", Settings.port)),
        public_url=text("PUBLIC_URL"),
        slack_bot_token=text("SLACK_BOT_TOKEN"),
        slack_signing_secret=text("SLACK_SIGNING_SECRET"),
        slack_app_token=text("SLACK_APP_TOKEN"),
        slack_api_url=text("SLACK_API_URL", Settings.slack_api_url).rstrip("/") + "/",
        platform_channel=text("PLATFORM_CHANNEL"),
        keys=tuple(key.strip() for key in text("FRONTDESK_KEY").split(",") if key.strip()),
        lease=timedelta(seconds=number("FRONTDESK_LEASE", 30)),
        pace=timedelta(seconds=number("FRONTDESK_PACE", 1)),
        log_format=text("LOG_FORMAT", Settings.log_format),
        metrics_port=int(number("METRICS_PORT", 0)),
        otlp_endpoint=text("OTEL_EXPORTER_OTLP_ENDPOINT"),
        environment=given,
    )
    _check(settings)
    return settings


def _check(settings: Settings) -> None:
    if settings.log_format not in {"plain", "json"}:
        raise Misconfigured(f"{settings.log_format!r} is no format.", where="LOG_FORMAT", hint="Set plain or json.")
    if settings.slack and not (settings.slack_app_token or settings.slack_signing_secret):
        raise Misconfigured(
            "is set, but neither SLACK_SIGNING_SECRET (signed HTTP) nor SLACK_APP_TOKEN (Socket Mode) is.",
            where="SLACK_BOT_TOKEN",
            hint="Set one of the two; both are on the app's pages at Slack.",
        )


def _database_url(url: str) -> str:
    # What platforms hand out names no driver; ours is psycopg.
    for old in ("postgres://", "postgresql://"):
        if url.startswith(old):
            return "postgresql+psycopg://" + url.removeprefix(old)
    return url
