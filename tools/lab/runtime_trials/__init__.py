"""Trials of `.tflite` files in other releases of the runtimes.

`runtimes` installs a release into a virtual environment of its own,
`runtime_probe` is the script that runs a file there, `probe_process` talks to
it, and `runtime_check` compares what comes out with LiteRT here.
"""
