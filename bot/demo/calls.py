"""How the stand-ins call others."""

import functools
import ssl

import httpx


def client(seconds: float) -> httpx.Client:
    """For one call, which may take so many seconds; whatever proxy this machine has, it is not asked."""
    return httpx.Client(verify=_tls(), trust_env=False, timeout=seconds)


@functools.cache
def _tls() -> ssl.SSLContext:
    """Reading the certificates takes tens of milliseconds: once is enough."""
    return ssl.create_default_context()
