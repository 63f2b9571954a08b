"""The command-line tool `shodhana`."""

from __future__ import annotations

from .application import main

if __name__ == "__main__":
    main()
