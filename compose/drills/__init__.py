"""The drill runner: brings a system up, breaks it on purpose, and judges.

Start reading at `model.py` (what a drill is), then `engine.py` (what happens
to it). README.md says how to write one.
"""
