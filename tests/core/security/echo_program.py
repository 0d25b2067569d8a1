"""The echo server as a program: what attacks it must not slow down the test that measures that."""

from __future__ import annotations

import asyncio

from tests.core.security.echo import echo


async def main() -> None:
    """Prints its address and serves until it is killed."""
    async with echo(None) as target:
        print(f"target {target}", flush=True)  # noqa: T201 - what it is for
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
