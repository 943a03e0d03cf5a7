"""Parts of the host build, `host_build.py`."""
