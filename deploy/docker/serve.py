#!/opt/venv/bin/python
"""Starts the one service of this image, as `python -m shodhana.<service>` would."""

import os
import runpy

runpy.run_module(f"shodhana.{os.environ['SERVICE']}", run_name="__main__", alter_sys=True)
