"""Async generators: to the end, closed early, thrown into, left to the loop's shutdown."""
import asyncio


async def ticker(limit):
    try:
        for n in range(limit):
            await asyncio.sleep(0)
            yield n
    except ValueError as error:
        print("caught", error)
        yield "after"
    finally:
        await asyncio.sleep(0)
        print("ticker ends")


async def pipeline(source):
    async for n in source:
        if n % 2:
            yield n * 10


async def main():
    async for n in ticker(3):
        print(n)
    closed = ticker(3)
    print(await closed.__anext__())
    await closed.aclose()
    thrown = ticker(3)
    print(await thrown.__anext__(), await thrown.athrow(ValueError("in")))
    await thrown.aclose()
    print([n async for n in pipeline(ticker(6))])
    print({n: m async for n in pipeline(ticker(4)) for m in range(2)})
    left = ticker(3)
    print(await left.asend(None))


asyncio.run(main())
