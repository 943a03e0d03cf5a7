"""Short tensor names: `stage3_block/transformer_0/key/fully_connected`.

The converter strings together the names of all TensorFlow operations that it
fused, up to a kilobyte a tensor. Readable names let a recipe pick layers, let
reports name the noisiest operations, and take several percent less space in an
int8 file.
"""

from __future__ import annotations

import os
import re
from collections import Counter

import keras

from keras_mobilevit.configs import FOLD_SCOPE
from keras_mobilevit.tflite.architecture_names import (
    architecture_names,
    rename,
)
from keras_mobilevit.tflite.flatbuffer import (
    is_constant,
    op_name,
    tensor_name,
)

_OPERANDS = ("input", "kernel", "bias")
_MATMULS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def shorten_names(model, network: keras.Model) -> None:
    """Renames the tensors of a converted model after its layers, in place.

    An operation's output is called `<layer>/.../<operation>`, a constant
    `<output that it serves>/kernel`, `/bias` or `/constant`. Inputs and
    outputs take their names from the signature, and the outputs its order too.
    Layers of a registered architecture are called as in its own networks,
    wherever they are nested and whatever they were renamed to.

    Args:
        model: As `read_model` gives it, converted from `network`.
        network: Whose layer names to look for.
    """
    (graph,) = model.subgraphs
    # The converter leaves them in the reverse order.
    graph.outputs = [e.tensorIndex for e in model.signatureDefs[0].outputs]
    layers = {
        part
        for layer in network._flatten_layers(include_self=False)
        if layer is not _scaled(network)
        for part in layer.name.split("/")
    } | {FOLD_SCOPE}
    known = architecture_names(network)
    fixed = _signature_names(model)
    names = dict(fixed)
    used = Counter(names.values())

    def assign(tensor, name):
        if tensor in names:
            return
        used[name] += 1
        count = used[name]
        names[tensor] = name if count == 1 else f"{name}_{count - 1}"

    for op in graph.operators:
        kind = op_name(model, op)
        for output in op.outputs:
            name = tensor_name(graph, output)
            scope = _scope(name, layers, known, network.name)
            assign(output, "/".join((*scope, kind.lower())))
        consumer = names[op.outputs[0]]
        for position, tensor in enumerate(op.inputs):
            operand = "constant"
            if kind in _MATMULS and position < len(_OPERANDS):
                operand = _OPERANDS[position]
            if tensor >= 0 and is_constant(model, graph, tensor):
                assign(tensor, f"{consumer}/{operand}")
    for index, name in names.items():
        graph.tensors[index].name = name.encode()


def _scaled(network):
    """The network behind a scaling, as `input_scaling.with_scaling` puts it.

    It leaves no trace in names: recipes name its layers.
    """
    kinds = keras.layers.InputLayer, keras.layers.Rescaling, keras.Model
    if len(network.layers) == 3 and all(map(isinstance, network.layers, kinds)):
        return network.layers[-1]
    return None


def _signature_names(model):
    (signature,) = model.signatureDefs
    return {
        entry.tensorIndex: entry.name.decode()
        for entry in (*signature.inputs, *signature.outputs)
    }


def _scope(name, layers, known, outer):
    """Layers that all operations in a fused name share, outermost first."""
    scopes = [
        _layer_path(part, layers, outer) for part in name.split(";") if part
    ]
    return os.path.commonprefix(
        [rename(tuple(scope), known) for scope in scopes if scope]
    )


def _layer_path(path, layers, outer):
    """`"net_1/stem_1/conv_1/convolution"` -> `["stem", "conv"]`."""
    found = []
    # TensorFlow numbers a scope that it enters again.
    parts = [
        part if part in layers else re.sub(r"_\d+$", "", part)
        for part in path.split("/")[:-1]
    ]
    # A model may have the name of one of its layers.
    while len(parts) > 1 and parts[0] == outer and parts[1] in layers:
        del parts[0]
    for plain in parts:
        if plain in layers:
            found.append(plain)
        elif found:
            break
    return found
