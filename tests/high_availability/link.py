"""A wire that can be made slow, and cut: TCP between two servers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

CHUNK_BYTES = 65_536
QUEUED = 10_000  # chunks on their way, at most


class Link:
    """Forwards what comes to `port`; each byte arrives `delay_s` later."""

    def __init__(self, target_port: int) -> None:
        self.delay_s = 0.0
        self.port = 0
        self._target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    def open(self) -> None:
        self._thread.start()
        self._call(self._listen())

    def cut(self) -> None:
        """Ends every connection; what was on its way is lost, and nobody gets through again."""
        self._call(self._cut())

    def close(self) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, far_writer}
        self._writers |= pair
        ways = [
            asyncio.ensure_future(work)
            for source, sink in ((reader, far_writer), (far_reader, writer))
            for work in self._way(source, sink)
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for end in pair:
            end.transport.abort()
        self._writers -= pair

    def _way(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> tuple[Coroutine[Any, Any, None], ...]:
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(QUEUED)

        async def take() -> None:
            while chunk := await source.read(CHUNK_BYTES):
                await queue.put((self._loop.time(), chunk))

        async def give() -> None:
            while True:
                came_at, chunk = await queue.get()
                await asyncio.sleep(max(0.0, came_at + self.delay_s - self._loop.time()))
                sink.write(chunk)
                await sink.drain()

        return take(), give()


@contextmanager
def link_to(target_port: int) -> Iterator[Link]:
    """A link for the length of a `with` block, in a thread of its own."""
    link = Link(target_port)
    link.open()
    try:
        yield link
    finally:
        link.close()
