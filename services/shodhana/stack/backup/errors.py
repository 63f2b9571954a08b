"""Why a backup, a restore or a check did not happen; each message says what to do."""

from __future__ import annotations


class BackupError(Exception):
    """Of this package; the message is meant for the person who ran the command."""


class KeyMissing(BackupError):
    """No key was given, and there is no default."""


class WrongKey(BackupError):
    """The key given does not open what it was given for."""


class NotFound(BackupError):
    """There is no such backup, or no such object in it."""


class Damaged(BackupError):
    """What is stored is not what was stored."""


class Refused(BackupError):
    """It would destroy something, or cannot mean what was asked."""


class Occupied(Refused):
    """Something is where the backup would go; it is moved aside where that is confirmed."""


class ToolFailed(BackupError):
    """A program of the server ended with an error; its own words are the message."""


class NotTaken(BackupError):
    """One kind of backup or several; why stands before."""


class StorageFailed(BackupError):
    """The folder or bucket did not take or give an object."""
