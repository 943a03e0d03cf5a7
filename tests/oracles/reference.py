"""Reference implementations on fixed random weights: the oracles.

Weights and images are drawn by NumPy's frozen generator, keyed by name, so
that the golden file made where PyTorch is installed can be checked where it is
not. `python tests/oracles/reference.py` writes the golden file again; it needs
torch, transformers and timm.
"""

from __future__ import annotations

import functools
import pathlib
import zlib

import numpy as np

GOLDEN_FILE = pathlib.Path(__file__).with_name("goldens.npz")
VARIANTS = ("mobilevit_xxs", "mobilevit_xs", "mobilevit_s")
SIZES = ((256, 256), (224, 224), (192, 320))
LIBRARIES = ("hf", "timm")
# Output stride of the segmentation networks -> size of the image. The map at
# stride 8 reaches beyond the largest dilation, 18; that at 16 has odd sides.
SEGMENTATION_SIZES = {16: (100, 75), 8: (160, 96)}
VOC_CLASSES = 21
# Of upsampled logits, the golden file keeps so many.
UPSAMPLED = (0, slice(None, None, 13), slice(None, None, 11))

# Token widths and [stem, stages..., head] widths, as Hugging Face names them.
_HF_CONFIGS = {
    "mobilevit_xxs": ([64, 80, 96], [16, 16, 24, 48, 64, 80, 320], 2.0),
    "mobilevit_xs": ([96, 120, 144], [16, 32, 48, 64, 80, 96, 384], 4.0),
    "mobilevit_s": ([144, 192, 240], [16, 32, 64, 96, 128, 160, 640], 4.0),
}


def random_image(size: tuple[int, int]) -> np.ndarray:
    """One RGB image `(1, height, width, 3)`, float32 in [0, 1]."""
    state = np.random.RandomState(size[0] * 1000 + size[1])
    return state.random_sample((1, *size, 3)).astype(np.float32)


def random_tensor(key: str, shape: tuple[int, ...]) -> np.ndarray:
    """One random weight in PyTorch's layout, of a scale that keeps signals."""
    if key.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    # One draw for each weight, whatever the order of the keys.
    noise = np.random.RandomState(zlib.crc32(key.encode())).standard_normal(
        shape
    )
    if key.endswith("running_var"):
        values = np.exp(0.3 * noise)
    elif len(shape) > 1:
        values = noise * (2 / np.prod(shape[1:])) ** 0.5
    elif key.endswith("weight"):  # of a norm
        values = 1 + 0.2 * noise
    else:
        values = 0.2 * noise
    return values.astype(np.float32)


def make_model(library: str, variant: str):
    """A PyTorch model of `library` with random weights, in eval mode."""
    _define_torchvision_operations()
    if library == "hf":
        from transformers import MobileViTForImageClassification

        model = MobileViTForImageClassification(
            _hf_config(variant, num_labels=1000)
        )
    else:
        import timm

        model = timm.create_model(variant)
    return _randomized(model)


def make_segmenter(variant: str, output_stride: int):
    """DeepLabv3 of Hugging Face with random weights, in eval mode."""
    _define_torchvision_operations()
    from transformers import MobileViTForSemanticSegmentation

    return _randomized(
        MobileViTForSemanticSegmentation(
            _hf_config(
                variant, num_labels=VOC_CLASSES, output_stride=output_stride
            )
        )
    )


def _hf_config(variant, **options):
    from transformers import MobileViTConfig

    hidden, neck, expand = _HF_CONFIGS[variant]
    return MobileViTConfig(
        hidden_sizes=hidden,
        neck_hidden_sizes=neck,
        expand_ratio=expand,
        **options,
    )


def _randomized(model):
    import torch

    model.load_state_dict(
        {
            key: torch.from_numpy(random_tensor(key, tuple(value.shape)))
            for key, value in model.state_dict().items()
        }
    )
    return model.eval()


@functools.cache
def _define_torchvision_operations():
    """Lets torchvision import beside a CPU build of torch it does not fit."""
    import torch

    try:
        import torchvision  # noqa: F401

        return None
    except (ImportError, RuntimeError):
        library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor a, Tensor b, float c) -> Tensor")
    library.define("qnms(Tensor a, Tensor b, float c) -> Tensor")
    return library  # Kept alive by the cache.


def run_model(library: str, model, image: np.ndarray) -> np.ndarray:
    """Logits, of a classifier `(1, 1000)`, for an RGB image; HF wants BGR."""
    import torch

    if library == "hf":
        image = image[..., ::-1]
    pixels = torch.from_numpy(image.transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        output = model(pixels)
    return getattr(output, "logits", output).numpy()


def run_segmenter(model, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits `(1, h, w, 21)` at the output stride, and at the image's size.

    Upsampled as the model itself does it, in front of its loss.
    """
    import torch

    logits = torch.from_numpy(run_model("hf", model, image))
    upsampled = torch.nn.functional.interpolate(
        logits, size=image.shape[1:3], mode="bilinear", align_corners=False
    )
    return tuple(x.numpy().transpose(0, 2, 3, 1) for x in (logits, upsampled))


def main() -> None:
    goldens = {}
    for library in LIBRARIES:
        for variant in VARIANTS:
            model = make_model(library, variant)
            for size in SIZES:
                name = f"{library}/{variant}/{size[0]}x{size[1]}"
                goldens[name] = run_model(library, model, random_image(size))
    for variant in VARIANTS:
        for stride, size in SEGMENTATION_SIZES.items():
            model = make_segmenter(variant, stride)
            logits, upsampled = run_segmenter(model, random_image(size))
            goldens[f"deeplabv3/{variant}/{stride}"] = logits
            goldens[f"deeplabv3/{variant}/{stride}/upsampled"] = upsampled[
                UPSAMPLED
            ]
    np.savez_compressed(GOLDEN_FILE, **goldens)


if __name__ == "__main__":
    main()
