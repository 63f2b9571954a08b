"""`python -m shodhana.stack up`: the same commands as `shodhana up`, for where the client is not installed."""

from .commands import app

if __name__ == "__main__":
    app(prog_name="python -m shodhana.stack")
