"""Runs one `.tflite` file: on the host, and again under emulation.

A script of its own, because Keras is absent in the emulated machine: it may
import only NumPy, LiteRT and the standard library. What it finds goes to an
`.npz` file; see `probe`.

    inference_probe.py FILE.tflite LOGITS.tflite OUT.npz IMAGES LOW HIGH \
        [--mark]
"""

import ctypes
import json
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter

# A system call that no kernel has, at which instructions.c notes its counts.
MARK = 19277


def probe(path, logits_path, images, low, high, mark=None):
    """Runs a file with one thread on seeded random inputs.

    Args:
        path: A `.tflite` file.
        logits_path: The same file, cut to its logits.
        images: Number of inputs.
        low: Smallest value of a float input.
        high: Largest value of a float input.
        mark: Called before and after each inference of the whole file, which
            is not run otherwise.

    Returns:
        `{"operations", "integer", "outputs"}`: JSON of the operations in the
        graph and of the delegates that replace some of them; whether an
        operation writes integers of 8 bits; and all logits of each input in
        one row, as real numbers.
    """
    interpreter = make_interpreter(path)
    if mark is not None:
        run(interpreter, images, low, high, mark)
    # The interpreter has no public list of its nodes.
    operations = [
        {
            "index": int(op["index"]),
            "op_name": op["op_name"],
            "inputs": [int(tensor) for tensor in op["inputs"]],
            "outputs": [int(tensor) for tensor in op["outputs"]],
        }
        for op in interpreter._get_ops_details()
    ]
    integers = {
        detail["index"]
        for detail in interpreter.get_tensor_details()
        if detail["dtype"] in (np.int8, np.uint8)
    }
    return {
        "operations": json.dumps(operations),
        "integer": any(
            integers.intersection(op["outputs"]) for op in operations
        ),
        "outputs": run(make_interpreter(logits_path), images, low, high),
    }


def make_interpreter(path):
    interpreter = Interpreter(model_path=path, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def run(interpreter, images, low, high, mark=lambda: None):
    """All outputs as real numbers, one row an input."""
    rows = []
    for seed in range(images):
        for detail in interpreter.get_input_details():
            value = random_input(seed, detail, low, high)
            interpreter.set_tensor(detail["index"], value)
        mark()
        interpreter.invoke()
        mark()
        rows.append(
            [
                real_numbers(interpreter.get_tensor(detail["index"]), detail)
                for detail in interpreter.get_output_details()
            ]
        )
    return np.stack([np.concatenate(row) for row in rows])


def random_input(seed, detail, low, high):
    """Coloured blocks with grain, the same on every machine.

    Noise alone would do little: all of it looks the same to a network.
    """
    state = np.random.RandomState(seed)
    shape = [int(side) for side in detail["shape"]]
    coarse = [min(side, 8) for side in shape]
    blocks = state.randint(0, 256, coarse)
    for axis, (side, few) in enumerate(zip(shape, coarse, strict=True)):
        blocks = blocks.take(np.arange(side) * few // side, axis)
    pixels = (3 * blocks + state.randint(0, 256, shape)) // 4

    dtype = np.dtype(detail["dtype"])
    if dtype == np.uint8:
        return pixels.astype(dtype)
    if dtype == np.int8:
        return (pixels - 128).astype(dtype)
    if dtype == np.float32:
        return (low + (high - low) * (pixels / 255)).astype(dtype)
    raise ValueError(
        "Expected inputs of float32, int8 or uint8. Received: "
        f"{detail['name']!r} of {dtype}"
    )


def real_numbers(value, detail):
    """What a tensor stands for, as a vector of float64."""
    scale, zero_point = detail["quantization"]
    value = value.astype(np.float64).ravel()
    return (value - zero_point) * scale if scale else value


def system_call_mark():
    """Tells instructions.c that an inference begins or ends."""
    ctypes.CDLL(None).syscall(ctypes.c_long(MARK))


def main(path, logits_path, out, images, low, high, *options):
    mark = system_call_mark if "--mark" in options else None
    numbers = int(images), float(low), float(high)
    np.savez(out, **probe(path, logits_path, *numbers, mark))


if __name__ == "__main__":
    main(*sys.argv[1:])
