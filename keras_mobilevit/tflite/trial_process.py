"""The process that runs a `.tflite` file once, so that a crash ends only it.

`trial_run.py` runs this file as a script; nothing here may import the package.
"""

from __future__ import annotations

import sys

# Of the process. Time is that of the processor: waiting for a disk is no sign
# of damage.
_MAX_MEMORY = 2**31
_MAX_SECONDS = 20


def _set_limits():
    try:
        import resource
    except ImportError:  # Windows has none.
        return
    for kind, limit in (
        (resource.RLIMIT_AS, _MAX_MEMORY),
        (resource.RLIMIT_CPU, _MAX_SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        _, highest = resource.getrlimit(kind)
        if highest == resource.RLIM_INFINITY or limit < highest:
            resource.setrlimit(kind, (limit, limit))


def _main() -> None:
    # The folder of this file has modules that are not meant for others.
    del sys.path[0]
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    _set_limits()
    interpreter = Interpreter(
        model_content=sys.stdin.buffer.read(), num_threads=1
    )
    try:
        interpreter.allocate_tensors()
        inputs = interpreter.get_input_details()
        if any(-1 in tensor["shape_signature"][1:] for tensor in inputs):
            # It may well ask for more than the pixel that it has as yet.
            return
        rng = np.random.default_rng(0)
        for tensor in inputs:
            pixels = rng.integers(0, 128, tensor["shape"], np.uint8)
            interpreter.set_tensor(
                tensor["index"], pixels.astype(tensor["dtype"])
            )
        interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        # Without a message, it is memory that is missing.
        sys.stdout.write(str(error) or "it takes too much memory")


if __name__ == "__main__":
    _main()
