"""Networks whose expansions are as uneven as those trained on ImageNet.

In weights that descend from ImageNet, the channels that the first inverted
residuals expand to differ in range by up to 2^7, and the batch norm behind the
depthwise convolution divides by each channel's own deviation. One int8 scale
for all of them drowns the narrow ones: plain int8 collapses. Such weights can
not be part of the project; these networks are drawn at random instead, and
only the distribution of their channels is taken over.

What else is drawn makes them behave like trained ones: kernels that mostly
average, so that a picture's own share of the variance lives on through the
depth and noise does not grow; small residual branches; statistics of batch
norms, and a classifier, that fit pictures of textures in classes.
"""

from __future__ import annotations

import dataclasses
import re

import keras
import numpy as np

from keras_mobilevit.mobilevit import CONSTRUCTORS

CLASSES = 12
# The pictures that a network is made to fit: test with those of other seeds.
FITTED_SEED = 0
_IMAGES_PER_CLASS = 10
_STATISTICS_IMAGES = 36


@dataclasses.dataclass(frozen=True)
class Spread:
    """How the deviations of an expansion's channels are distributed.

    Attributes:
        widest: Deviation of the widest channel.
        decibels: Quantiles `_SHARES` of the channels' deviations over the
            widest, in dB.
    """

    widest: float
    decibels: tuple[float, float, float, float, float]


_SHARES = (0, 0.1, 0.3, 0.5, 1)
# Chosen so that ranges, and deviations over the rounding error of the int8
# scale, come out as measured on an XXS whose backbone was trained on ImageNet,
# with photos of flowers (the numbers are in `test_uneven_networks.py`). The
# widest channel stands some 44 dB over that error.
SPREADS = {
    "stage1_ir": Spread(12, (-48, -41, -36, -25, 0)),
    "stage2_ir1": Spread(16, (-55, -44, -38, -31, 0)),
    "stage2_ir2": Spread(5, (-45, -39, -33, -26, 0)),
    "stage2_ir3": Spread(4, (-38, -28, -22, -17, 0)),
    "stage3_ir": Spread(5, (-44, -39, -33, -21, 0)),
    "stage4_ir": Spread(3, (-34, -18, -14, -10, 0)),
    "stage5_ir": Spread(3, (-34, -18, -14, -10, 0)),
}

# Of the linear outputs that are added to a shortcut.
_SHORTCUT_GAIN = 0.5
_TOKEN_GAIN = 0.3
# Deviation of a 3x3 kernel's weights around their mean, over that mean:
# deeper layers look at finer detail less.
_DETAIL, _DEEP_DETAIL = 1.0, 0.5
# Mean of the offsets in front of SiLU; far from zero, noise would grow.
_OFFSET = 0.3
# Ridge over the mean eigenvalue, and the logit that stands for certainty.
_RIDGE, _CERTAIN = 1.0, 10.0


def make_uneven_network(
    variant: str,
    size: tuple[int, int],
    *,
    classes: int = CLASSES,
    seed: int = 0,
) -> keras.Model:
    """Draws a classifier with the expansions of `SPREADS`.

    The factor of each channel goes into gamma and beta of the batch norm
    behind the expansion. All batch norms, so those behind the depthwise
    convolutions too, then get the statistics of 36 pictures, as after
    training; the classifier is a ridge regression of the pooled features of
    10 pictures a class.

    Args:
        variant: Name in `keras_mobilevit.configs.VARIANTS`.
        size: Height and width of the pictures.
        classes: Classes of `make_images`.
        seed: The same seed draws the same network.

    Returns:
        The model, with softmax, for pixels in [0, 255].
    """
    keras.utils.set_random_seed(seed)
    model = CONSTRUCTORS[variant](
        weights=None, input_shape=(*size, 3), classes=classes
    )
    rng = np.random.default_rng(seed)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            _draw_batch_norm(layer, rng)
        elif isinstance(layer, keras.layers.LayerNormalization):
            layer.gamma.assign(np.exp(rng.normal(0, 0.2, layer.gamma.shape)))
            layer.beta.assign(rng.normal(0, 0.2, layer.beta.shape))
        elif isinstance(
            layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
        ):
            _draw_window(layer, rng)
        elif isinstance(layer, (keras.layers.Dense, keras.layers.EinsumDense)):
            _draw_dense(layer, rng)
    images, labels = make_images(
        _IMAGES_PER_CLASS * classes, size, seed=FITTED_SEED, classes=classes
    )
    _set_statistics(model, images[:_STATISTICS_IMAGES])
    _fit_classifier(model, images, labels)
    return model


def _draw_batch_norm(layer, rng):
    (channels,) = layer.gamma.shape
    gamma = np.exp(rng.normal(0, 0.2, channels))
    beta = rng.normal(_OFFSET, 0.3, channels)
    *_, residual, part, _ = ("", "", *layer.path.split("/"))
    if part == "reduce":
        beta -= _OFFSET
        if residual in ("stage2_ir2", "stage2_ir3"):
            gamma, beta = _SHORTCUT_GAIN * gamma, _SHORTCUT_GAIN * beta
    elif part == "expand":
        gamma = _draw_deviations(SPREADS.get(residual), channels, rng)
        beta *= gamma
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)


def _draw_deviations(spread, channels, rng):
    """One channel out of each of as many equal shares of the distribution.

    Independent draws would differ too much from it at 32 channels.
    """
    shares = (np.arange(channels) + rng.uniform(size=channels)) / channels
    shares[0], shares[-1] = 0, 1
    decibels = np.interp(rng.permutation(shares), _SHARES, spread.decibels)
    return spread.widest * 10 ** (decibels / 20)


def _draw_window(layer, rng):
    """A kernel that averages over its window, and details on top."""
    if layer.kernel_size == (1, 1) or "stem" in layer.path:
        return
    deep = re.search(r"stage[345]", layer.path)
    detail = _DEEP_DETAIL if deep else _DETAIL
    shape = layer.kernel.shape
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        # No channel may be without its mean.
        mean = rng.choice([-1, 1], shape[2:])
    else:
        mean = rng.normal(0, 1, shape[2:])
    kernel = mean + detail * rng.normal(0, 1, shape)
    layer.kernel.assign(kernel / np.sqrt(np.prod(shape[:3])))


def _draw_dense(layer, rng):
    """Products of deviation one, or less where they join a shortcut."""
    shape = layer.kernel.shape
    joins = re.search(r"attention_output|dense2", layer.path)
    gain = _TOKEN_GAIN if joins else 1
    inputs = np.prod(shape[:-1]) if joins else shape[0]
    layer.kernel.assign(rng.normal(0, gain / np.sqrt(inputs), shape))
    layer.bias.assign(rng.normal(0, 0.1 * gain, layer.bias.shape))


def _set_statistics(model, images):
    """One batch sets the moving statistics, without dropout."""
    kept = []
    for layer in model._flatten_layers():
        for kind, attribute in (
            (keras.layers.BatchNormalization, "momentum"),
            (keras.layers.Dropout, "rate"),
        ):
            if isinstance(layer, kind):
                kept.append((layer, attribute, getattr(layer, attribute)))
                setattr(layer, attribute, 0.0)
    model(images.astype(np.float32), training=True)
    for layer, attribute, value in kept:
        setattr(layer, attribute, value)


def _fit_classifier(model, images, labels):
    classifier = model.get_layer("predictions")
    pooled = keras.Model(model.inputs, model.get_layer("avg_pool").output)
    features = pooled.predict(
        images.astype(np.float32), batch_size=24, verbose=0
    ).astype(np.float64)
    mean = features.mean(axis=0)
    features -= mean
    targets = _CERTAIN * np.eye(classifier.units)[labels]
    targets -= targets.mean(axis=0)
    moments = features.T @ features
    ridge = _RIDGE * np.trace(moments) / len(moments) * np.eye(len(moments))
    kernel = np.linalg.solve(moments + ridge, features.T @ targets)
    classifier.set_weights([kernel, -mean @ kernel])


def make_images(
    count: int,
    size: tuple[int, int],
    *,
    seed: int,
    classes: int = CLASSES,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws pictures of coloured waves; each class has its own.

    A class has two neighbouring hues, a wavelength, a direction and a
    contrast, the same for all seeds. In each picture they vary by some
    percent, the waves are bent, light is uneven, and a few small spots of
    extreme colours give the activations tails as photos do.

    Args:
        count: Number of pictures.
        size: Height and width.
        seed: The same seed draws the same pictures.
        classes: They take turns.

    Returns:
        Pictures `(count, height, width, 3)`, uint8, and labels `(count,)`.
    """
    textures = _class_textures(classes)
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(size=(count, 5, 5, 4)).astype(np.float32)
    labels = np.arange(count) % classes
    images = np.empty((count, *size, 3), np.uint8)
    for image, label, grid in zip(images, labels, coarse, strict=True):
        fields = keras.ops.image.resize(grid, size, "bicubic")
        fields = keras.ops.convert_to_numpy(fields)
        picture = _draw_picture(textures[label], fields, rng)
        image[:] = np.clip(255 * picture, 0, 255)
    return images, labels


def _class_textures(classes):
    rng = np.random.default_rng(0)
    hues = rng.permutation(classes) / classes
    textures = []
    for index, hue in enumerate(hues):
        turns = hue + np.array([[0], [0.35]]) + np.arange(3) / 3
        brightness = np.array([[1], [0.4 + 0.3 * (index % 2)]])
        textures.append(
            {
                "colours": brightness * (0.5 + 0.5 * np.cos(2 * np.pi * turns)),
                "waves": (3, 6, 12)[index % 3] * np.exp(rng.normal(0, 0.1)),
                "angle": rng.uniform(0, np.pi),
                "contrast": rng.uniform(0.3, 0.8),
            }
        )
    return textures


def _draw_picture(texture, fields, rng):
    """`(height, width, 3)`, in [0, 1] but for a few values."""
    height, width, _ = fields.shape
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    cols = np.linspace(0, 1, width, dtype=np.float32)
    angle = texture["angle"] + rng.normal(0, 0.1)
    waves = texture["waves"] * np.exp(rng.normal(0, 0.1))
    way = rows * np.sin(angle) + cols * np.cos(angle) + rng.uniform()
    wave = 0.5 + 0.5 * np.cos(2 * np.pi * waves * way + 2 * fields[..., 3])
    contrast = texture["contrast"]
    mix = contrast * wave + (1 - contrast) * fields[..., 0]
    start, end = texture["colours"] + rng.normal(0, 0.03, (2, 3))
    picture = start + (end - start) * mix[..., None]
    picture += 0.12 * (fields[..., :3] - 0.5)
    # Room for the spots.
    picture = 0.5 + 0.7 * (picture - 0.5)
    for _ in range(3):
        row, col = rng.uniform(size=2)
        radius = rng.uniform(0.01, 0.03)
        inside = (rows - row) ** 2 + (cols - col) ** 2 < radius**2
        picture[inside] = rng.choice([0, 1], 3)
    noise = rng.standard_normal(picture.shape, np.float32)
    return picture + 0.02 * noise
