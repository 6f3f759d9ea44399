"""Engines that run the same three empty steps, each in a process of its own: `python -m tests.benchmarks.rivals.NAME URL COUNT`.

Each is used as its documentation shows durable work of several steps, with eight workers, and prints how many seconds
passed from the first submission to the end of the last run.
"""

#: How many each side does before it is timed: statements are written and plans are made once.
WARM = 20
