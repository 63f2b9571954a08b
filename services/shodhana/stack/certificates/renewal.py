"""Certificates of a stack that runs, made anew in time or when asked for, without a restart of anything."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from ..places import StackDirectory
from ..topology import CERTIFIED
from .edge import EdgeCertificates
from .mesh import TAKEN_S, MeshCertificates

LOOK_EVERY_S = 3600.0
_log = structlog.get_logger()


async def keep_certificates(directory: StackDirectory, every_s: float = LOOK_EVERY_S) -> None:
    """Renews what ends soon, until cancelled; a failure is logged, and tried again."""
    while True:
        await asyncio.sleep(every_s)
        try:
            await asyncio.to_thread(renew, directory)
        except (OSError, ValueError) as error:
            _log.error("certificates_not_renewed", error=str(error))


def renew(directory: StackDirectory) -> None:
    """What ends soon, of the mesh and of the edge; changes the mesh's authority two months before its end."""
    mesh = mesh_of(directory)
    mesh.ensure()
    mesh.settle(_pause)
    if mesh.wants_another_authority():
        mesh.rotate_authority(_pause)
    edge_of(directory).ensure()


def rotate(directory: StackDirectory, *, authority: bool, say: Callable[[str], None], taken_s: float) -> None:
    """Makes all certificates anew, the mesh's under another authority if asked; `taken_s` waits for the readers."""
    mesh = mesh_of(directory)
    mesh.ensure()
    if authority:
        said = iter(("both authorities are trusted", "certificates of the new authority are shown"))

        def pause() -> None:
            say(next(said))
            time.sleep(taken_s)

        mesh.rotate_authority(pause)
        say("the old authority is trusted no longer")
    else:
        mesh.rotate()
    edge_of(directory).rotate()


def _pause() -> None:
    time.sleep(TAKEN_S)


def mesh_of(directory: StackDirectory) -> MeshCertificates:
    return MeshCertificates(directory.mesh, CERTIFIED)


def edge_of(directory: StackDirectory) -> EdgeCertificates:
    return EdgeCertificates(directory.tls)
