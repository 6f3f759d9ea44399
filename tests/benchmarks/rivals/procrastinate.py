"""Three empty steps with procrastinate: each task defers the next one, run by a worker with a concurrency of eight."""

import asyncio
import sys
import time

import procrastinate

from tests.benchmarks.rivals import WARM

WORKERS = 8


async def main(url: str, count: int) -> None:
    """Print the seconds."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))
    done, wanted, over = list[int](), WARM, asyncio.Event()

    @app.task(name="first")
    async def first(number: int) -> None:
        await second.defer_async(number=number)

    @app.task(name="second")
    async def second(number: int) -> None:
        await third.defer_async(number=number)

    @app.task(name="third")
    async def third(number: int) -> None:
        done.append(number)
        if len(done) == wanted:
            over.set()

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        worker = asyncio.create_task(app.run_worker_async(concurrency=WORKERS, install_signal_handlers=False))
        await asyncio.sleep(0.5)  # it listens
        for wanted in (WARM, count):
            done.clear()
            over.clear()
            begin = time.perf_counter()
            for number in range(wanted):
                await first.defer_async(number=number)
            await over.wait()
        print(time.perf_counter() - begin)  # noqa: T201 - this is what it is for
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
    if sorted(done) != list(range(count)):
        raise RuntimeError("not every task ran once")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
