"""`webhook.Call`: an HTTP request to a system of ours, sent until it is answered for good.

    2xx                        done; a JSON object in the body becomes outputs
    202 with Location          begun; the location is asked until it answers something else than 202
    408, 425, 429, 5xx         tried again, after `Retry-After` if that is given; also without any answer
    307, 308 to the same host  sent there, at once; GET follows 301, 302 and 303 too
    anything else              failed

It may arrive several times, always with the same `Idempotency-Key`: the receiver does it once.
"""

from bot.handlers.webhook.call import Call
from bot.handlers.webhook.caller import CallHandler

__all__ = ["Call", "CallHandler"]
