"""A process that trains one model, a step at a time, whenever it is told to.

It gets its settings as JSON, builds the model and says `{"parameters",
"versions"}`. Then it answers every line that it reads by one training step and
`{"seconds", "loss", "peak_mb"}`. The process runs this very file, and no other
of this package unless the model is ours: the memory of a baseline must not
hold our libraries.

A step of Keras is `train_on_batch`: the compiled function that `fit` runs for
each batch, and the hand-over of a batch. A step of torch is what its manuals
show: forward, loss, backward, update. Both end when the loss is known. Images
and labels stay in memory, so that no input pipeline is measured. Instead of a
whole step, a process may train one of the parts in `part_builders.py`.
"""

from __future__ import annotations

import importlib
import json
import os
import pathlib
import re
import sys
import time

import numpy as np

CLASSES = 1000
LEARNING_RATE = 1e-3
WEIGHT_DECAY = 0.01


def main(text: str) -> None:
    settings = json.loads(text)
    limit_cores(settings["threads"])
    answers = take_stdout()
    rng = np.random.default_rng(0)
    shape = (settings["batch_size"], settings["size"], settings["size"], 3)
    images = rng.uniform(0, 255, shape).astype(np.float32)
    labels = rng.integers(0, CLASSES, settings["batch_size"])
    build = BUILDERS[settings["library"]]
    if settings.get("part", "step") == "step":
        facts, step = build(settings, images, labels)
    else:
        facts, step = PART_BUILDERS[settings["library"]](settings)
    print(json.dumps(facts), file=answers, flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        loss = step()
        seconds = time.perf_counter() - start
        answer = {"seconds": seconds, "loss": loss, "peak_mb": peak_mb()}
        print(json.dumps(answer), file=answers, flush=True)


def limit_cores(threads: int) -> None:
    """Leaves this process so many cores, which every library counts.

    Not all of them have a setting for the number of their threads.
    """
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))[:threads]
        os.sched_setaffinity(0, cores)


def take_stdout():
    """Returns standard output; what others print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def build_keras(settings, images, labels):
    import keras

    from keras_mobilevit.mobilevit import CONSTRUCTORS

    use_precision(settings)
    model = CONSTRUCTORS[settings["variant"]](
        weights=None,
        input_shape=images.shape[1:],
        classes=CLASSES,
        classifier_activation=None,
    )
    model.compile(
        keras.optimizers.AdamW(LEARNING_RATE, weight_decay=WEIGHT_DECAY),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=settings["compiled"],
    )
    facts = {
        "parameters": sum(
            int(np.prod(variable.shape))
            for variable in model.trainable_variables
        ),
        "versions": versions("keras", settings["backend"]),
    }
    return facts, lambda: float(model.train_on_batch(images, labels))


def build_huggingface(settings, images, labels):
    # Only pictures need it. One that does not fit torch, such as a build for
    # CUDA beside a torch for the CPU, keeps the model from being imported.
    sys.modules["torchvision"] = None
    import torch
    from transformers import MobileViTConfig, MobileViTForImageClassification

    torch.set_num_threads(settings["threads"])
    device = "cuda" if settings["device"] == "gpu" else "cpu"
    memory_format = (
        torch.channels_last
        if settings["channels_last"]
        else torch.contiguous_format
    )
    pixels = torch.from_numpy(images / 255).permute(0, 3, 1, 2)
    pixels = pixels.contiguous(memory_format=memory_format).to(device)
    targets = torch.from_numpy(labels).to(device)
    config = MobileViTConfig(**settings["huggingface_config"])
    model = MobileViTForImageClassification(config)
    model = model.to(device, memory_format=memory_format).train()
    optimizer = torch.optim.AdamW(
        model.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY
    )
    cross_entropy = torch.nn.CrossEntropyLoss()
    predict = torch.compile(model) if settings["compiled"] else model
    half = settings["dtype"] == "bfloat16"

    def step():
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=half):
            loss = cross_entropy(predict(pixels).logits, targets)
        loss.backward()
        optimizer.step()
        return loss.item()

    facts = {
        "parameters": sum(
            parameter.numel() for parameter in model.parameters()
        ),
        "versions": versions("transformers", "torch"),
    }
    return facts, step


def build_keras_part(settings):
    from part_builders import build_keras_part

    use_precision(settings)
    return build_keras_part(settings)


def build_huggingface_part(settings):
    sys.modules["torchvision"] = None
    import torch
    from part_builders import build_huggingface_part

    torch.set_num_threads(settings["threads"])
    device = "cuda" if settings["device"] == "gpu" else "cpu"
    return build_huggingface_part(settings, device)


BUILDERS = {"keras": build_keras, "huggingface": build_huggingface}
PART_BUILDERS = {
    "keras": build_keras_part,
    "huggingface": build_huggingface_part,
}


def use_precision(settings) -> None:
    """Has layers of Keras compute in bfloat16, where that is asked for."""
    import keras

    if settings["dtype"] == "bfloat16":
        keras.mixed_precision.set_dtype_policy("mixed_bfloat16")


def versions(*modules: str) -> dict[str, str]:
    return {name: importlib.import_module(name).__version__ for name in modules}


def peak_mb() -> float | None:
    """Peak resident memory so far, in MiB, or `None` where it is unknown."""
    status = pathlib.Path("/proc/self/status")
    if not status.is_file():
        return None
    return int(re.search(r"VmHWM:\s*(\d+) kB", status.read_text())[1]) / 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
