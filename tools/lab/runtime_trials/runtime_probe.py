"""Runs one `.tflite` file in whatever Python this is, on command.

A script of its own, because Keras is absent where old runtimes are: it may
import only NumPy, a runtime and the standard library.

    runtime_probe.py MODULE FILE.tflite IMAGES.npy OUTPUTS.npz

It runs the file on the pictures with the runtime in MODULE, and writes one
line of JSON to the standard output: `{"operations": [...]}`, or `{"error":
"..."}` and ends. From then on it runs the file once for each line that it
reads, and answers with the milliseconds of processor time: with one thread that
is what an inference takes, less what other programs hold it up.
"""

import importlib
import json
import os
import sys
import time

import numpy as np


def main(module, path, images_path, outputs_path):
    # Runtimes write to the standard output as they please.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    runtime = importlib.import_module(module)
    try:
        interpreter = runtime.Interpreter(path, num_threads=1)
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        print(json.dumps({"error": str(error)}), file=answers)
        return
    outputs = [predict(interpreter, image) for image in np.load(images_path)]
    arrays = [np.stack(series) for series in zip(*outputs)]  # noqa: B905 (3.9)
    np.savez(outputs_path, *arrays)
    operations = list_operations(interpreter)
    print(json.dumps({"operations": operations}), file=answers)
    for _ in sys.stdin:
        start = time.process_time()
        interpreter.invoke()
        print(1000 * (time.process_time() - start), file=answers)


def predict(interpreter, image):
    """All outputs for one picture, without the axis of the batch."""
    (detail,) = interpreter.get_input_details()
    values = image.astype(np.float64)
    if np.issubdtype(detail["dtype"], np.integer):
        limits = np.iinfo(detail["dtype"])
        scale, zero_point = detail["quantization"]
        values = np.round(values / (scale or 1)) + zero_point
        values = np.clip(values, limits.min, limits.max)
    interpreter.set_tensor(
        detail["index"], values[None].astype(detail["dtype"])
    )
    interpreter.invoke()
    return [
        numbers(interpreter.get_tensor(detail["index"])[0], detail)
        for detail in interpreter.get_output_details()
    ]


def numbers(values, detail):
    """What a tensor stands for; integers without a scale stay integers."""
    scale, zero_point = detail["quantization"]
    return (values.astype(np.float64) - zero_point) * scale if scale else values


def list_operations(interpreter):
    # The interpreter has no public list of its nodes.
    return [
        {
            "index": int(op["index"]),
            "op_name": op["op_name"],
            "inputs": [int(tensor) for tensor in op["inputs"]],
            "outputs": [int(tensor) for tensor in op["outputs"]],
        }
        for op in interpreter._get_ops_details()
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
