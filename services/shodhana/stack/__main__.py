"""`python -m shodhana.stack up`: the same commands as `shodhana up`, for where the client is not installed."""

from .commands import stack

if __name__ == "__main__":
    stack(prog_name="python -m shodhana.stack")
