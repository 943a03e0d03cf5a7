"""Makes random checkpoints of the published layouts, file format included.

Nothing here uses the code under test, nor PyTorch: keys come from the
reference key map, conversions and file formats are written out by hand.
"""

import pickle
import struct
import zipfile

import h5py
import numpy as np
from key_lists import read_key_map, read_shapes

CLASSES = 7
KINDS = {"f4": "Float", "f2": "Half", "f8": "Double", "i8": "Long"}
KINDS |= {"i4": "Int", "u1": "Byte", "b1": "Bool", "bf16": "BFloat16"}
MAGIC = 0x1950A86A20F9469CFC6C


class Checkpoint:
    """One random set of weights, which every layout can express.

    The weights are those of a network for RGB images.
    """

    def __init__(self, variant="xxs", classes=CLASSES):
        self.rows = read_key_map()
        shapes = read_shapes("cvnets", variant)
        rng = np.random.default_rng(0)
        self.base = {}
        for row in self.rows:
            shape = shapes[row["cvnets"]]
            shape = [classes if n == 1000 else n for n in shape]
            # Positive, so that they serve as variances too.
            values = rng.uniform(0.01, 0.1, shape).astype(np.float32)
            self.base[row["cvnets"]] = values

    def tensors(self, layout):
        """The weights in a layout, as a dict of arrays."""
        tensors = {}
        for row in self.rows:
            array = self.base[row["cvnets"]]
            if row["cvnets"] == "conv_1.block.conv.weight":
                if layout in ("cvnets", "hf"):  # BGR
                    array = array[:, ::-1].copy()
            if layout == "kecam":
                axes = {
                    "(2,3,1,0)": (2, 3, 1, 0),
                    "(2,3,0,1)": (2, 3, 0, 1),
                    "T": (1, 0),
                    "-": (0,),
                }[row["to_keras"]]
                tensors[row["kecam"]] = array.transpose(axes)
            elif layout == "hf":
                parts = [p.copy() for p in np.split(array, len(row["hf"]))]
                tensors.update(zip(row["hf"], parts, strict=True))
            else:
                tensors[row[layout]] = array
        for key in list(tensors):
            if key.endswith("running_var"):
                key = key.replace("running_var", "num_batches_tracked")
                tensors[key] = np.array(5, np.int64)
        return tensors

    def write(self, layout, path):
        """Writes a file as it is published in this layout."""
        writer = write_kecam if layout == "kecam" else write_torch_zip
        writer(path, self.tensors(layout))
        return path


class DeepLabCheckpoint(Checkpoint):
    """The same for a segmentation network, as Apple and Hugging Face have it.

    The keys of the head come from the reference lists, which both have it in
    the same order.
    """

    def __init__(self, variant="xxs", classes=CLASSES):
        super().__init__(variant)
        self.rows = [
            row
            for row in self.rows
            if not row["cvnets"].startswith(("conv_1x1_exp.", "classifier."))
        ]
        cvnets, hf = (
            [
                (key, shape)
                for key, shape in read_shapes(layout, variant).items()
                if key.startswith(("seg_head.", "segmentation_head."))
                and not key.endswith("num_batches_tracked")
            ]
            for layout in ("cvnets_deeplabv3", "hf_deeplabv3")
        )
        rng = np.random.default_rng(1)
        self.head = []
        for (key, shape), (hf_key, hf_shape) in zip(cvnets, hf, strict=True):
            assert shape == hf_shape
            shape = [classes if n == 21 else n for n in shape]
            values = rng.uniform(0.01, 0.1, shape).astype(np.float32)
            self.head.append(({"cvnets": key, "hf": hf_key}, values))

    def tensors(self, layout):
        """The weights in a layout, as a dict of arrays."""
        prefix = "encoder." if layout == "cvnets" else ""
        tensors = {
            prefix + key: array
            for key, array in super().tensors(layout).items()
        }
        for keys, array in self.head:
            tensors[keys[layout]] = array
            if keys[layout].endswith("running_var"):
                key = keys[layout].replace("running_var", "num_batches_tracked")
                tensors[key] = np.array(5, np.int64)
        return tensors


# === torch.save without torch ===


def _text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def _integers(values):
    return b"(" + b"".join(struct.pack("<ci", b"J", v) for v in values) + b"t"


def tensor_pickle(tensors, legacy=False, **fields):
    """Pickles a dict of arrays the way torch does; returns it and storages.

    `fields` replaces the `offset`, `shape` or `strides` of every tensor.
    """
    body, storages = b"\x80\x02}(", {}
    for index, (key, array) in enumerate(tensors.items()):
        code = "bf16" if array.dtype == np.uint16 else array.dtype.str[1:]
        strides = [n // array.itemsize for n in array.strides]
        base = array if array.base is None else array.base
        storage = (
            b"("
            + _text("storage")
            + f"ctorch\n{KINDS[code]}Storage\n".encode()
            + _text(str(index))
            + _text("cpu")
            + struct.pack("<ci", b"J", base.size)
            + (b"N" if legacy else b"")
            + b"tQ"
        )
        body += (
            _text(key)
            + b"ctorch._utils\n_rebuild_tensor_v2\n("
            + storage
            + struct.pack("<ci", b"J", fields.get("offset", 0))
            + _integers(fields.get("shape", array.shape))
            + _integers(fields.get("strides", strides))
            + b"\x89ccollections\nOrderedDict\n)RtR"
        )
        storages[str(index)] = base
    return body + b"u.", storages


def write_torch_zip(path, tensors, content=None, **fields):
    """Writes the format of PyTorch 1.6 and later."""
    body, storages = tensor_pickle(tensors, **fields)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", content or body)
        archive.writestr("archive/byteorder", "little")
        for key, array in storages.items():
            archive.writestr(f"archive/data/{key}", array.tobytes("A"))


def write_torch_legacy(path, tensors, content=None):
    """Writes the format before PyTorch 1.6."""
    body, storages = tensor_pickle(tensors, legacy=True)
    info = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
    with open(path, "wb") as file:
        for value in (MAGIC, 1001, info):
            file.write(pickle.dumps(value, protocol=2))
        file.write(content or body)
        file.write(pickle.dumps(list(storages), protocol=2))
        for array in storages.values():
            file.write(struct.pack("<q", array.size) + array.tobytes("A"))


# === HDF5 as Keras 2 wrote it ===


def write_kecam(path, tensors, whole_model=False):
    """Writes `layer/weight` arrays as a weights file or a model file."""
    layers = {}
    for key, array in tensors.items():
        layer, weight = key.split("/")
        layers.setdefault(layer, []).append((f"{layer}/{weight}:0", array))
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if whole_model else file
        root.attrs["layer_names"] = [name.encode() for name in layers]
        for layer, weights in layers.items():
            group = root.create_group(layer)
            group.attrs["weight_names"] = [name.encode() for name, _ in weights]
            for name, array in weights:
                group[name] = array
        if whole_model:
            root.create_group("dropout").attrs["weight_names"] = []
