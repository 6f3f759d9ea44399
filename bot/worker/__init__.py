"""The process that turns the engine and sends what must be said.

process   its threads: what wakes them, what they look for, how they end
outgoing  what is said by way of a door, and what comes of it
"""

from bot.worker.outgoing import Outgoing, Sender
from bot.worker.process import CONNECTIONS, LONGEST_WAIT_DEAF, Worker

__all__ = ["CONNECTIONS", "LONGEST_WAIT_DEAF", "Outgoing", "Sender", "Worker"]
