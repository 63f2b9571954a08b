"""A TCP proxy that delays, resets or swallows what passes, to stand between services and what they need."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from shodhana.stack.ports import LOOPBACK, free_port

CHUNK_BYTES = 64 * 1024
MOST_CHUNKS = 64  # a peer that does not read slows the other one down, as without the proxy
END_WITH_RESET = struct.pack("ii", 1, 0)
T = TypeVar("T")


class Connection:
    """Two sockets joined; `mute` for good where its peer is said to have died."""

    def __init__(self, proxy: Proxy, writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter]) -> None:
        self._proxy = proxy
        self._writers = writers
        self.is_mute = False

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hands on what is read until one end closes, each chunk as late as the proxy says."""
        loop = asyncio.get_running_loop()
        chunks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(MOST_CHUNKS)

        async def read() -> None:
            while chunk := await reader.read(CHUNK_BYTES):
                await chunks.put((loop.time() + self._proxy.delay_s, chunk))
            await chunks.put((loop.time() + self._proxy.delay_s, b""))

        reading = asyncio.create_task(read())
        try:
            while True:
                due, chunk = await chunks.get()
                await asyncio.sleep(max(0.0, due - loop.time()))
                await self._proxy.open.wait()
                if self.is_mute:
                    await asyncio.Event().wait()
                if not chunk:
                    return
                writer.write(chunk)
                await writer.drain()
        finally:
            reading.cancel()

    def reset(self) -> None:
        """Ends both sides with RST, as a machine that restarted would."""
        for writer in self._writers:
            _reset(writer)


class Proxy:
    """Listens on `port` and hands on to `target_port`; its methods are called on its own loop (see `Wire`)."""

    def __init__(self, target_port: int) -> None:
        self.port = free_port()
        self.delay_s = 0.0
        self.open = asyncio.Event()
        self.open.set()
        self.refuses = False
        self.target_port = target_port
        self._connections: set[Connection] = set()
        self._ways: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def serve(self) -> None:
        self._server = await asyncio.start_server(self._accept, LOOPBACK, self.port)

    async def close(self) -> None:
        """Ends every connection, also those that wait for nothing any more."""
        if self._server is not None:
            self._server.close()
        for way in list(self._ways):
            way.cancel()
        while self._connections:  # noqa: ASYNC110 - they end on this loop
            await asyncio.sleep(0)

    def reset_all(self) -> None:
        for connection in list(self._connections):
            connection.reset()

    def mute_all(self) -> None:
        """What is connected now never hears again; nobody tells it."""
        for connection in self._connections:
            connection.is_mute = True

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses:
            _reset(writer)
            return
        try:
            there, onward = await asyncio.open_connection(LOOPBACK, self.target_port)
        except OSError:
            _reset(writer)
            return
        connection = Connection(self, (writer, onward))
        self._connections.add(connection)
        ways = [
            asyncio.create_task(connection.carry(reader, onward)),
            asyncio.create_task(connection.carry(there, writer)),
        ]
        self._ways.update(ways)
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._ways.difference_update(ways)
            self._connections.discard(connection)
            for end in (writer, onward):
                end.close()


class Wire:
    """A proxy on a thread's loop, told what to do from any other thread."""

    def __init__(self, proxy: Proxy, loop: asyncio.AbstractEventLoop) -> None:
        self._proxy = proxy
        self._loop = loop
        self.port = proxy.port

    @contextmanager
    def slow(self, delay_s: float) -> Iterator[None]:
        """Each chunk arrives that much later, both ways."""
        self._do(lambda: setattr(self._proxy, "delay_s", delay_s))
        try:
            yield
        finally:
            self._do(lambda: setattr(self._proxy, "delay_s", 0.0))

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Every connection, old or new, ends with RST."""
        self._do(lambda: (setattr(self._proxy, "refuses", True), self._proxy.reset_all()))
        try:
            yield
        finally:
            self._do(lambda: setattr(self._proxy, "refuses", False))

    @contextmanager
    def silent(self, *, for_good: bool = False) -> Iterator[None]:
        """Nothing passes and nobody is told; `for_good`: what was connected then stays without an answer for ever."""
        self._do(self._proxy.open.clear)
        try:
            yield
        finally:
            self._do(lambda: (self._proxy.mute_all() if for_good else None, self._proxy.open.set()))

    @contextmanager
    def towards(self, port: int) -> Iterator[None]:
        """Connections go to another port; those there are end."""
        usual = self._proxy.target_port
        self._do(lambda: (setattr(self._proxy, "target_port", port), self._proxy.reset_all()))
        try:
            yield
        finally:
            self._do(lambda: (setattr(self._proxy, "target_port", usual), self._proxy.reset_all()))

    def reset_now(self) -> None:
        """Cuts what is connected now; new connections pass."""
        self._do(self._proxy.reset_all)

    def _do(self, act: Any) -> None:
        async def done() -> None:
            act()

        asyncio.run_coroutine_threadsafe(done(), self._loop).result(5)


@contextmanager
def wires(targets: dict[str, int]) -> Iterator[dict[str, Wire]]:
    """A proxy before each port, by name."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="wires", daemon=True)
    thread.start()

    proxies: list[Proxy] = []

    def run(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(10)

    async def begin(target_port: int) -> Wire:
        proxy = Proxy(target_port)
        proxies.append(proxy)
        await proxy.serve()
        return Wire(proxy, loop)

    try:
        yield {name: run(begin(port)) for name, port in targets.items()}
    finally:
        for proxy in proxies:
            run(proxy.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    found = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, END_WITH_RESET)
    writer.transport.abort()
