"""Damaged files for everything that reads files: `tools/lab/fuzz.py`."""
