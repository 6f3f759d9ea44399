"""Where the secrets of forms are while their request is open: encrypted in the database, or in a store of your own."""

from collections.abc import Sequence
from typing import Protocol

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from bot.errors import Misconfigured, PermanentError, Unavailable

#: The setting, and how to come by one.
KEY = "FRONTDESK_KEY"
HOW = f"Make a key with: frontdesk key. Set it as {KEY} for every process, and keep it like a password."


class Safe(Protocol):
    """Keeps secrets. The built-in one gives back a ciphertext to keep; a store of your own may give a path in it."""

    def put(self, secret: str) -> str:
        """Takes a secret; what the database keeps of it. Called before the transaction. Raises Unavailable."""
        ...

    def get(self, kept: str) -> str:
        """The secret again. Raises TemporaryError, PermanentError."""
        ...

    def forget(self, kept: str) -> None:
        """Its request has ended, and the database has let go of it. A crash may come before: give it an end, too."""
        ...


class Sealed:
    """Encrypts: what the database keeps is all that there is, and forgetting is done with it.

    The first key encrypts, any of them decrypts: to change keys put a new one first, and take the old one out once
    no open request is older. Fernet is AES-128-CBC with HMAC-SHA256: https://github.com/fernet/spec
    """

    def __init__(self, keys: Sequence[str]) -> None:
        """Raises Misconfigured for what is no key."""
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:  # not repeated: it may be a key with a slip in it
            raise Misconfigured("holds what is no key.", where=KEY, hint=HOW) from None

    def put(self, secret: str) -> str:
        return self._fernet.encrypt(secret.encode()).decode()

    def get(self, kept: str) -> str:
        try:
            return self._fernet.decrypt(kept).decode()
        except InvalidToken:
            raise PermanentError(f"A secret was encrypted with a key that is not in {KEY} here.") from None

    def forget(self, kept: str) -> None:
        """Nothing is left."""


class NoSafe:
    """Takes none: no key is set, and no offering asks for secrets."""

    def put(self, secret: str) -> str:  # noqa: ARG002 - the protocol's
        raise Unavailable(f"Secrets cannot be taken: {KEY} is not set where Frontdesk runs.")

    def get(self, kept: str) -> str:  # noqa: ARG002 - the protocol's
        raise PermanentError(f"The secret cannot be read: {KEY} is not set where the worker runs.")

    def forget(self, kept: str) -> None:
        """There is none."""


def new_key() -> str:
    """A key for the setting."""
    return Fernet.generate_key().decode()
