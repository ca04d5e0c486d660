"""await, async for, async with, async comprehensions, tasks, under asyncio and driven by hand."""
import asyncio


class Room:
    def __init__(self, swallow):
        self.swallow = swallow

    async def __aenter__(self):
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, kind, value, traceback):
        await asyncio.sleep(0)
        return self.swallow


class Countdown:
    def __init__(self, n):
        self.n = n

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.n:
            raise StopAsyncIteration
        self.n -= 1
        await asyncio.sleep(0)
        return self.n


async def add(a, b):
    await asyncio.sleep(0)
    return a + b


async def loops():
    seen = []
    async for n in Countdown(4):
        seen.append(n)
    else:
        seen.append("end")
    async for n in Countdown(4):
        if n == 2:
            break
    seen += [n async for n in Countdown(3)]
    seen += [
        await add(n, 1)
        for n in range(3)
        if await add(
            n,
            0,
        )
    ]
    return seen


async def rooms():
    async with Room(True) as outer, Room(False) as inner:
        print(outer is inner)
        raise ValueError("swallowed")
    try:
        async with Room(
            False
        ):
            raise ValueError("passed on")
    except ValueError as error:
        print(error)
    async with Room(False):
        return "left by return"


async def cancelled():
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        print("cancelled")
        raise
    finally:
        await asyncio.sleep(0)


async def one_line(): return await add(1, 2)


async def main():
    print(await loops())
    print(await rooms())
    print(await asyncio.gather(add(1, 2), add(3, 4), one_line(), *(add(n, n) for n in range(3))))
    task = asyncio.ensure_future(cancelled())
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("task is cancelled")
    total = (
        await add(1, 1)
        + await add(
            2,
            2,
        )
    )
    print(total)


asyncio.run(main())
