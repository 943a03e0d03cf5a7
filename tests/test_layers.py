"""The layers: alone, inside other nets, and against plain NumPy."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mobilevit import MobileViTBackbone, MobileViTXXS, layers
from keras_mobilevit.layers.mobilevit_block import fold, unfold
from keras_mobilevit.layers.resizing import resize

# Name -> layer, input shape or shapes, output shape. No argument has its
# default.
CASES = {
    "aspp": (
        lambda: layers.ASPP(6, rates=(1, 3), dropout=0.1, activation="silu"),
        (2, 7, 5, 4),
        (2, 7, 5, 6),
    ),
    "conv": (
        lambda: layers.ConvBlock(
            6, kernel_size=3, strides=2, activation="relu"
        ),
        (2, 9, 8, 4),
        (2, 5, 4, 6),
    ),
    "depthwise": (
        lambda: layers.ConvBlock(None, 5, dilation_rate=2, activation=None),
        (2, 9, 8, 4),
        (2, 9, 8, 4),
    ),
    "residual": (
        lambda: layers.InvertedResidual(4, expansion=3, dilation_rate=2),
        (2, 9, 8, 4),
        (2, 9, 8, 4),
    ),
    "strided": (
        lambda: layers.InvertedResidual(6, 2, strides=2, activation="relu"),
        (2, 9, 8, 4),
        (2, 5, 4, 6),
    ),
    "transformer": (
        lambda: layers.TransformerLayer(num_heads=2, mlp_ratio=3, dropout=0.1),
        (2, 6, 8),
        (2, 6, 8),
    ),
    "block": (
        lambda: layers.MobileViTBlock(
            8,
            depth=1,
            num_heads=2,
            mlp_ratio=3,
            patch_size=3,
            dropout=0.2,
            activation="relu",
        ),
        (2, 7, 5, 4),
        (2, 7, 5, 4),
    ),
    "inference_block": (
        lambda: layers.InferenceMobileViTBlock(
            8, depth=3, num_heads=2, mlp_ratio=3, patch_size=3
        ),
        (2, 7, 5, 4),
        (2, 7, 5, 4),
    ),
    "inference_transformer": (
        lambda: layers.InferenceTransformerLayer(
            num_heads=2, mlp_ratio=3, patch_area=4
        ),
        (2, 12, 8),
        (2, 12, 8),
    ),
    "resize_like": (
        layers.ResizeLike,
        [(2, 4, 3, 5), (2, 9, 8, 2)],
        (2, 9, 8, 5),
    ),
    "rms_norm": (layers.UnitRMSNorm, (2, 6, 8), (2, 6, 8)),
}


@pytest.fixture(params=CASES)
def case(request):
    make, shape, output_shape = CASES[request.param]
    return make(), shape, output_shape


@pytest.fixture(scope="module")
def small():
    return MobileViTXXS(weights=None, input_shape=(64, 64, 3), classes=7)


def normal(*shape, seed=0):
    values = np.random.default_rng(seed).normal(size=shape)
    return values.astype(np.float32)


def over(shape, function):
    """Applies a function to the one shape of a layer's input, or to each."""
    if isinstance(shape, list):
        return [function(each) for each in shape]
    return function(shape)


def draw(shape):
    return over(shape, lambda shape: normal(*shape))


def pixels(*shape):
    return (np.random.default_rng(0).random(shape) * 255).astype(np.float32)


def randomize(model, seed=0, scale=0.3):
    """Moves every weight away from what a fresh layer would have."""
    rng = np.random.default_rng(seed)
    model.set_weights(
        [
            w + scale * np.abs(rng.normal(size=w.shape))
            for w in model.get_weights()
        ]
    )


# === Every layer ===


def test_all_layers_have_a_case():
    made = {type(make()).__name__ for make, _, _ in CASES.values()}
    assert made == set(layers.__all__)


def test_shapes(case):
    layer, shape, output_shape = case
    assert layer(draw(shape)).shape == output_shape
    assert layer.compute_output_shape(shape) == output_shape
    unknown = over(shape, lambda s: (*(None for _ in s[:-1]), s[-1]))
    expected = (*(None for _ in output_shape[:-1]), output_shape[-1])
    assert layer.compute_output_shape(unknown) == expected
    inputs = over(unknown, lambda shape: keras.Input(shape[1:]))
    assert type(layer)(**_arguments(layer))(inputs).shape == expected


def _arguments(layer):
    """Own arguments of a layer, as its config gives them."""
    config = layer.get_config()
    names = inspect.signature(type(layer)).parameters
    return {
        name: config[name]
        for name, p in names.items()
        if p.kind is p.POSITIONAL_OR_KEYWORD
    }


def test_config_round_trip(case):
    layer, _, _ = case
    config = layer.get_config()
    assert set(_arguments(layer)) <= set(config)
    assert type(layer).from_config(config).get_config() == config
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    assert type(again) is type(layer)
    assert again.get_config() == config


def test_keras_file_round_trip(case, tmp_path):
    layer, shape, _ = case
    image = over(shape, lambda shape: keras.Input(shape[1:]))
    model = keras.Model(image, layer(image))
    randomize(model)
    x = draw(shape)
    expected = np.array(model(x))
    model.save(tmp_path / "a.keras")
    loaded = keras.saving.load_model(tmp_path / "a.keras")
    np.testing.assert_array_equal(np.array(loaded(x)), expected)


def test_layer_dtype(case):
    layer, shape, _ = case
    layer = type(layer)(**_arguments(layer), dtype="mixed_bfloat16")
    y = layer(draw(shape))
    assert y.dtype == "bfloat16"
    assert {w.dtype for w in layer.weights} <= {"float32"}
    for child in layer._flatten_layers():
        assert child.compute_dtype == "bfloat16", child.path


# === ConvBlock and InvertedResidual ===


@pytest.mark.parametrize("kernel_size", [2, 4])
def test_even_kernels_are_rejected(kernel_size):
    with pytest.raises(ValueError, match=f"odd.*kernel_size={kernel_size}"):
        layers.ConvBlock(8, kernel_size=kernel_size)


@pytest.mark.parametrize("size", [6, 7])
@pytest.mark.parametrize("depthwise", [False, True])
def test_strided_padding_is_symmetric(size, depthwise):
    """One pixel of zeros on all four sides, where `same` pads two only."""
    block = layers.ConvBlock(
        None if depthwise else 5, kernel_size=3, strides=2, activation=None
    )
    x = normal(1, size, size, 4)
    y = np.array(block(x))[0]
    kernel = np.array(block.conv.kernel)
    padded = np.pad(x[0], ((1, 1), (1, 1), (0, 0)))
    side = -(-size // 2)
    expected = np.zeros((side, side, y.shape[-1]))
    for i in range(side):
        for j in range(side):
            window = padded[2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            expected[i, j] = np.einsum(
                "hwc,hwc->c" if depthwise else "hwc,hwcf->f",
                window,
                kernel[..., 0] if depthwise else kernel,
            )
    assert y.shape == expected.shape
    # The fresh batch normalization divides by sqrt(1 + epsilon).
    np.testing.assert_allclose(y, expected / np.sqrt(1 + 1e-5), atol=1e-5)


def test_dilated_padding_keeps_the_size():
    block = layers.ConvBlock(None, 3, dilation_rate=2, activation=None)
    x = np.zeros((1, 9, 9, 1), np.float32)
    x[0, 4, 4] = 1
    y = np.array(block(x))[0, :, :, 0]
    kernel = np.array(block.conv.kernel)[::-1, ::-1, 0, 0]
    expected = np.zeros((9, 9))
    expected[2:7:2, 2:7:2] = kernel / np.sqrt(1 + 1e-5)
    np.testing.assert_allclose(y, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("filters", "strides", "shortcut"),
    [(4, 1, True), (6, 1, False), (4, 2, False)],
)
def test_shortcut(filters, strides, shortcut):
    """With all weights zero, only a shortcut lets anything through."""
    layer = layers.InvertedResidual(filters, strides=strides)
    x = normal(2, 6, 6, 4)
    layer(x)
    layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])
    y = np.array(layer(x))
    np.testing.assert_array_equal(y, x if shortcut else np.zeros_like(y))


# === Tokens ===


def loop_unfold(x, patch):
    """Section 1.3 of the reference notes, one pixel at a time."""
    batch, height, width, dim = x.shape
    rows, cols = height // patch, width // patch
    tokens = np.zeros((batch * patch**2, rows * cols, dim), x.dtype)
    for b in range(batch):
        for h in range(height):
            for w in range(width):
                offset = (h % patch) * patch + w % patch
                token = (h // patch) * cols + w // patch
                tokens[b * patch**2 + offset, token] = x[b, h, w]
    return tokens


@pytest.mark.parametrize(
    ("shape", "patch"),
    [
        ((2, 4, 6, 3), 2),
        ((1, 6, 9, 2), 3),
        ((3, 4, 2, 1), 1),
        ((1, 2, 2, 5), 2),
    ],
)
def test_unfold_and_fold(shape, patch):
    x = normal(*shape)
    tokens = np.array(unfold(x, patch))
    np.testing.assert_array_equal(tokens, loop_unfold(x, patch))
    np.testing.assert_array_equal(fold(tokens, shape[1:3], patch), x)


def numpy_resize(x, size):
    """Bilinear with half-pixel centres and no antialiasing, in float64."""
    for axis, count in zip((1, 2), size, strict=True):
        source = x.shape[axis]
        at = (np.arange(count) + 0.5) * source / count - 0.5
        low = np.floor(at).astype(int)
        weight = (at - low).reshape([-1 if a == axis else 1 for a in range(4)])
        first, second = (
            np.take(x, np.clip(i, 0, source - 1), axis) for i in (low, low + 1)
        )
        x = (1 - weight) * first.astype(np.float64) + weight * second
    return x


@pytest.mark.parametrize(
    ("source", "target"),
    [((7, 5), (8, 6)), ((8, 6), (7, 5)), ((1, 13), (2, 14)), ((4, 3), (4, 4))],
)
def test_resize(source, target):
    x = normal(2, *source, 3)
    np.testing.assert_allclose(
        np.array(resize(x, target)), numpy_resize(x, target), atol=1e-5
    )


def test_resize_of_nothing_is_the_identity():
    x = keras.ops.convert_to_tensor(normal(1, 4, 6, 2))
    assert resize(x, (4, 6)) is x


@pytest.mark.parametrize("size", [(7, 5), (4, 5), (3, 4), (4, 6)])
def test_block_resizes_around_the_tokens(size):
    """The resize wraps unfold and fold: not the convolutions."""
    block = layers.MobileViTBlock(8, depth=1, num_heads=2)
    x = normal(2, *size, 4)
    block(x)
    randomize(block)
    padded = tuple(side + side % 2 for side in size)

    y = np.array(block.project_in(block.local(x)))
    tokens = loop_unfold(numpy_resize(y, padded).astype(np.float32), 2)
    for layer in block.transformer:
        tokens = layer(tokens)
    tokens = np.array(block.norm(tokens))
    maps = np.zeros((2, *padded, 8), np.float32)
    index = loop_unfold(np.arange(maps.size).reshape(maps.shape), 2)
    maps.reshape(-1)[index] = tokens
    y = numpy_resize(maps, size).astype(np.float32)
    y = np.concatenate([x, np.array(block.project_out(y))], axis=-1)
    expected = np.array(block.fusion(y))
    np.testing.assert_allclose(
        np.array(block(x)), expected, atol=1e-5 * abs(expected).max()
    )


def numpy_transformer(x, weights, heads):
    """Section 1.2 of the reference notes, in float64."""

    def norm(x, gamma, beta):
        x = x - x.mean(-1, keepdims=True)
        return gamma * x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5) + beta

    w = [np.asarray(value, np.float64) for value in weights]
    norm1, norm2, attention, dense = w[:2], w[2:4], w[4:12], w[12:]
    y = norm(x, *norm1)
    query, key, value = (
        np.einsum("btc,chd->bhtd", y, attention[i])
        + attention[i + 1][:, None, :]
        for i in (0, 2, 4)
    )
    scale = (x.shape[-1] // heads) ** -0.5
    scores = np.exp(scale * query @ key.swapaxes(-1, -2))
    scores /= scores.sum(-1, keepdims=True)
    x = x + np.einsum("bhtd,hdc->btc", scores @ value, attention[6])
    x = x + attention[7]
    y = norm(x, *norm2) @ dense[0] + dense[1]
    return x + y / (1 + np.exp(-y)) @ dense[2] + dense[3]


def test_transformer_against_numpy():
    layer = layers.TransformerLayer(num_heads=2, mlp_ratio=3)
    x = normal(3, 5, 8)
    layer(x)
    randomize(layer)
    parts = (
        layer.norm1,
        layer.norm2,
        layer.attention.query_dense,
        layer.attention.key_dense,
        layer.attention.value_dense,
        layer.attention.output_dense,
        layer.dense1,
        layer.dense2,
    )
    weights = [w for part in parts for w in part.get_weights()]
    expected = numpy_transformer(x.astype(np.float64), weights, heads=2)
    np.testing.assert_allclose(
        np.array(layer(x)), expected, atol=1e-5 * abs(expected).max()
    )


def test_heads_must_divide_the_channels():
    with pytest.raises(ValueError, match="num_heads=3, channels=8"):
        layers.TransformerLayer(num_heads=3)(normal(1, 4, 8))


def test_offsets_in_a_patch_do_not_mix():
    block = layers.MobileViTBlock(8, depth=2, num_heads=2)
    x = normal(1, 6, 6, 8)
    block(normal(1, 6, 6, 4))
    randomize(block, scale=0.1)
    before = np.array(block.attend(x))
    x[0, 2, 3, 0] += 1.0
    changed = np.any(np.array(block.attend(x)) != before, axis=-1)[0]
    expected = np.zeros((6, 6), bool)
    expected[0::2, 1::2] = True
    np.testing.assert_array_equal(changed, expected)


def test_unit_rms_norm():
    x = normal(2, 3, 8) + 1
    expected = x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(
        np.array(layers.UnitRMSNorm()(x)), expected, atol=1e-6
    )


# === Training ===


def test_gradients_reach_every_weight(small):
    x, labels = pixels(4, 64, 64, 3), np.array([0, 2, 4, 6])
    with tf.GradientTape() as tape:
        y = small(x, training=True)
        loss = keras.ops.mean(
            keras.losses.sparse_categorical_crossentropy(labels, y)
        )
    weights = small.trainable_weights
    gradients = tape.gradient(loss, [w.value for w in weights])
    for weight, gradient in zip(weights, gradients, strict=True):
        assert gradient is not None, weight.path
        gradient = np.array(gradient)
        assert gradient.shape == weight.shape
        assert np.isfinite(gradient).all(), weight.path
        # Stage 5 has one token per offset here, so its softmax is constant;
        # and no softmax sees what a key's bias adds to all logits.
        blind = ("stage5_block" in weight.path and "query" in weight.path) or (
            "key" in weight.path
        )
        assert blind or np.any(gradient != 0), weight.path


def test_inference_is_deterministic(small):
    x = pixels(2, 64, 64, 3)
    first = np.array(small(x))
    np.testing.assert_array_equal(np.array(small(x)), first)
    np.testing.assert_array_equal(np.array(small(x, training=False)), first)


def test_dropout_acts_in_training_only():
    x = normal(2, 6, 8)
    layer = layers.TransformerLayer(num_heads=2, dropout=0.5)
    first, second = (np.array(layer(x, training=True)) for _ in range(2))
    assert np.any(first != second)
    first, second = (np.array(layer(x, training=False)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    without = layers.TransformerLayer(num_heads=2, dropout=0.0)
    without(x)
    without.set_weights(layer.get_weights())
    np.testing.assert_array_equal(np.array(without(x, training=True)), first)


@pytest.mark.parametrize(("variant", "rate"), [("xxs", 0.05), ("s", 0.1)])
def test_dropout_rates_of_the_paper(variant, rate):
    model = MobileViTBackbone(f"mobilevit_{variant}", weights=None)
    rates = [
        layer.drop.rate
        for layer in model._flatten_layers()
        if isinstance(layer, layers.TransformerLayer)
    ]
    assert rates == [rate] * 9


def test_batch_statistics_move_in_training_only():
    block = layers.ConvBlock(4, kernel_size=3)
    x = normal(8, 6, 6, 3) + 2
    block(x, training=False)
    before = np.array(block.norm.moving_mean)
    np.testing.assert_array_equal(before, np.zeros(4))
    maps = np.array(block.conv(x))
    block(x, training=True)
    np.testing.assert_allclose(
        np.array(block.norm.moving_mean),
        0.1 * maps.mean(axis=(0, 1, 2)),  # momentum 0.9
        rtol=1e-4,
        atol=1e-6,
    )


def test_layers_train_inside_another_net():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((18, 15, 2)),
            layers.ConvBlock(8, kernel_size=3, strides=2),
            layers.InvertedResidual(8, expansion=2),
            layers.MobileViTBlock(12, depth=1, num_heads=3, patch_size=3),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )
    model.compile(
        keras.optimizers.Adam(1e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=True,
    )
    labels = np.arange(16) % 2
    x = normal(16, 18, 15, 2) + labels[:, None, None, None]
    losses = [model.train_on_batch(x, labels) for _ in range(12)]
    assert losses[-1] < 0.5 * losses[0]


# === Mixed precision ===


@pytest.fixture(params=["mixed_float16", "mixed_bfloat16"])
def policy(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


def test_mixed_precision(policy):
    """Rounding to 11 or 8 bits through 32 convolutions, and no more."""
    options = dict(
        weights=None,
        include_top=False,
        pooling="avg",
        input_shape=(72, 72, 3),
    )
    keras.utils.set_random_seed(0)
    model = MobileViTXXS(**options)
    keras.config.set_dtype_policy("float32")
    reference = MobileViTXXS(**options)
    reference.set_weights(model.get_weights())
    x = pixels(2, 72, 72, 3)
    y = model(x)
    dtype = policy.removeprefix("mixed_")
    assert y.dtype == model.output.dtype == dtype
    assert {w.dtype for w in model.weights} == {"float32"}
    y = np.array(keras.ops.cast(y, "float32"))
    expected = np.array(reference(x))
    assert np.isfinite(y).all()
    error = abs(y - expected).max() / abs(expected).max()
    assert 0 < error < {"float16": 0.01, "bfloat16": 0.08}[dtype]


# === The whole net ===


def test_weights_file_round_trip(small, tmp_path):
    randomize(small, seed=1)
    small.save_weights(tmp_path / "a.weights.h5")
    loaded = MobileViTXXS(weights=None, input_shape=(64, 64, 3), classes=7)
    loaded.load_weights(tmp_path / "a.weights.h5")
    for found, expected in zip(
        loaded.get_weights(), small.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    x = pixels(2, 64, 64, 3)
    np.testing.assert_array_equal(np.array(loaded(x)), np.array(small(x)))


@pytest.fixture(scope="module")
def dynamic():
    keras.utils.set_random_seed(0)
    return MobileViTBackbone("mobilevit_xxs", weights=None)


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (100, 75)])
def test_any_size(dynamic, size):
    x = pixels(2, *size, 3)
    outputs = dynamic(x)
    static = MobileViTBackbone(
        "mobilevit_xxs", weights=None, input_shape=(*size, 3)
    )
    static.set_weights(dynamic.get_weights())
    for level, (name, y) in enumerate(static(x).items(), start=1):
        sides = tuple(-(-side // 2**level) for side in size)
        assert y.shape[1:3] == static.output[name].shape[1:3] == sides
        expected = np.array(outputs[name])
        assert np.isfinite(expected).all()
        np.testing.assert_allclose(
            np.array(y), expected, atol=1e-5 * abs(expected).max()
        )


def test_any_size_inside_a_graph(dynamic):
    """Sizes that are unknown while a graph is traced."""
    call = tf.function(
        lambda x: dynamic(x)["P5"],
        input_signature=[tf.TensorSpec((None, None, None, 3))],
        autograph=False,
    )
    for size in ((33, 47), (100, 75)):
        x = pixels(2, *size, 3)
        expected = np.array(dynamic(x)["P5"])
        np.testing.assert_allclose(
            call(x).numpy(), expected, atol=1e-5 * abs(expected).max()
        )


def test_predict_at_one_size_after_another():
    """Keras traces the second size as an unknown one."""
    image = keras.Input((None, None, 4))
    block = layers.MobileViTBlock(8, depth=1, num_heads=2)
    model = keras.Model(image, block(image))
    model.compile(jit_compile=False)
    for size in ((8, 8), (7, 5), (6, 9)):
        x = normal(2, *size, 4)
        found = model.predict(x, verbose=0)
        np.testing.assert_allclose(found, np.array(model(x)), atol=1e-5)
