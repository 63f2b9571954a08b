"""Tells being cancelled from having waited for something that was."""

from __future__ import annotations

import asyncio


def is_cancelling() -> bool:
    """Whether the present task was asked to stop: where not, a CancelledError tells of something it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
