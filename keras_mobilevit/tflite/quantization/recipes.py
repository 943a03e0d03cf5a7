"""Quantization recipes as data, each a function that says when to use it."""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
import pathlib
import re

from keras_mobilevit.architectures import architectures
from keras_mobilevit.configs import CONTEXT_SCOPE, FOLD_SCOPE
from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.renamed import QUANTIZATION_FIELDS, current_names

INT8_BITS = 8
_CHOICES = {
    "weights": ("float32", "float16", "int8"),
    "activations": ("float32", "dynamic", "int8"),
    "input_type": ("float32", "int8", "uint8"),
    "output_type": ("float32", "int8", "uint8"),
}


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What becomes of the float graph.

    Attributes:
        name: Name on the command line and in the file's metadata.
        weights: `"float32"`, `"float16"` or `"int8"`.
        activations: `"float32"`; `"dynamic"`, int8 with ranges that are
            found anew for each picture; or `"int8"`, with ranges from
            calibration.
        input_type: `"float32"`, `"int8"` or `"uint8"`; the latter two need
            int8 activations.
        output_type: Same values, under the same condition.
        skip_ops: TFLite operations that stay float, everywhere, as
            `litert_quantizer.qtyping.TFLOperationName` calls them.
        skip_layers: Regular expressions over the names of output tensors;
            operations that match stay float, with weights in float16.
        calibration_percentile: Percentage of an activation's values that its
            range covers on either side, in (50, 100]: at 99, one in a hundred
            is clipped below it, and one in a hundred above.
        fp16_compute: Allow XNNPACK to compute in float16 where the
            processor can.
        integer_softmax: Compute the softmax of attention in int8.
        bit_exact_norms: Compute norms so that every processor gets the same
            bits. With `integer_softmax`, and all else in int8, the logits of
            the whole file are the same.
        per_tensor_dense_weights: One scale for all int8 weights of a dense
            layer, not one for each of its outputs, wherever the weights keep 37
            dB of SQNR: a smaller file.
        balance_channels: Bring the channels of layers to like ranges, where
            they differ so much that rounding would drown some of them.
        sequential_bias: Correct the biases of one layer after the other by
            the mean error that is left in the running int8 file.
        moment_rounding: Where there are calibration images, round int8
            weights together, by the second moments of their inputs, and let
            the biases make up for the mean error that is left; see
            `keras_mobilevit.tflite.quantization.weight_rounding`. Without
            images, each weight is rounded to the nearest step.

    An export drops `integer_softmax` and `bit_exact_norms` where the file is
    short of accuracy and they cost some, by the images that calibrate, and
    leaves a network that has no uneven channels as it is.

    Example:
        >>> import dataclasses
        >>> from keras_mobilevit import tflite
        >>> recipe = dataclasses.replace(
        ...     tflite.find_recipe("int8"), name="my_int8", input_type="uint8"
        ... )
        >>> recipe.weights, recipe.activations, recipe.input_type
        ('int8', 'int8', 'uint8')
    """

    name: str
    weights: str = "float32"
    activations: str = "float32"
    input_type: str = "float32"
    output_type: str = "float32"
    skip_ops: tuple[str, ...] = ()
    skip_layers: tuple[str, ...] = ()
    calibration_percentile: float = 99.99
    fp16_compute: bool = False
    integer_softmax: bool = False
    bit_exact_norms: bool = False
    per_tensor_dense_weights: bool = False
    balance_channels: bool = False
    sequential_bias: bool = False
    moment_rounding: bool = False

    def __post_init__(self):
        for field, choices in _CHOICES.items():
            if getattr(self, field) not in choices:
                raise ValueError(
                    f"`{field}` must be one of {list(choices)}. Received: "
                    f"{field}={getattr(self, field)!r}"
                )
        if self.activations != "float32" and self.weights != "int8":
            raise ValueError(
                f"Activations in {self.activations} need int8 weights. "
                f"Received: weights={self.weights!r}"
            )
        if not self.needs_calibration and (
            self.input_type != "float32"
            or self.output_type != "float32"
            or self.integer_softmax
            or self.bit_exact_norms
            or self.per_tensor_dense_weights
            or self.balance_channels
            or self.sequential_bias
        ):
            raise ValueError(
                "Integer inputs and outputs, `integer_softmax`, "
                "`bit_exact_norms`, `per_tensor_dense_weights`, "
                "`balance_channels` and `sequential_bias` need int8 "
                f"activations. Received: activations={self.activations!r}"
            )
        if self.moment_rounding and self.weights != "int8":
            raise ValueError(
                "`moment_rounding` rounds int8 weights. Received: "
                f"weights={self.weights!r}. Leave it out, or set weights to "
                "'int8'."
            )
        if self.fp16_compute and self.weights != "float16":
            raise ValueError(
                "Arithmetic in float16 needs weights in float16. Received: "
                f"weights={self.weights!r}"
            )
        if not 50 < self.calibration_percentile <= 100:
            raise ValueError(
                "`calibration_percentile` is a percentage in (50, 100]. "
                "Received: "
                f"calibration_percentile={self.calibration_percentile}"
            )
        for field in ("skip_ops", "skip_layers"):
            # A text alone would count as a list of its letters.
            if isinstance(getattr(self, field), str):
                raise ValueError(
                    f"`{field}` must be a list of texts. Received: "
                    f"{field}={getattr(self, field)!r}"
                )
        for op in self.skip_ops:
            _check_operation(op)
        for scope in self.skip_layers:
            try:
                re.compile(scope)
            except re.error as error:
                raise ValueError(
                    f"{scope!r} is not a regular expression ({error})."
                ) from error

    @property
    def needs_calibration(self) -> bool:
        """Whether the ranges of activations come from sample images."""
        return self.activations == "int8"

    @property
    def takes_images(self) -> bool:
        """Whether sample images change the file, needed or not."""
        return self.needs_calibration or self.moment_rounding

    def stays_float(self, name: str) -> bool:
        """Whether an activation of that name matches one of `skip_layers`."""
        return any(re.search(scope, name) for scope in self.skip_layers)

    def to_json(self) -> str:
        """The recipe as a JSON object; `from_json` reads it back."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Reads a recipe from a JSON object with the fields of this class.

        Raises:
            ValueError: If it is no JSON object, or a field is unknown or has
                a value that it can not have.
        """
        try:
            fields = json.loads(text)
        except ValueError as error:
            raise ValueError(f"The recipe is not JSON ({error}).") from error
        if not isinstance(fields, dict) or "name" not in fields:
            raise ValueError(
                'A recipe is a JSON object with at least a "name". Received: '
                f"{text[:60]!r}"
            )
        fields = current_names(fields, QUANTIZATION_FIELDS)
        known = [field.name for field in dataclasses.fields(cls)]
        for field, value in fields.items():
            if field not in known:
                close = difflib.get_close_matches(field, known, 1) or known
                raise ValueError(
                    f"A recipe has no field {field!r}. Did you mean "
                    f"{' or '.join(map(repr, close))}?"
                )
            if isinstance(value, list):
                fields[field] = tuple(value)
        try:
            return cls(**fields)
        except TypeError as error:
            raise ValueError(
                f"A field of the recipe is of the wrong type ({error})."
            ) from error


def _check_operation(name):
    quantizer = import_optional("litert_quantizer.qtyping", extra="tflite")
    known = [operation.value for operation in quantizer.TFLOperationName]
    if name not in known:
        close = difflib.get_close_matches(name, known, 1) or known
        raise ValueError(
            f"`skip_ops` has no operation {name!r}. Did you mean "
            f"{' or '.join(map(repr, close))}?"
        )


# Folding tokens back into a map follows a norm and has no int8 form in the
# quantizer: int8 would only add conversions. Scores of version 2's attention
# are from 1 to one over the number of tokens, too far apart for one int8 scale.
NORMS = ("rms_norm", "group_norm", f"/{FOLD_SCOPE}/", f"/{CONTEXT_SCOPE}/")


def float32() -> Recipe:
    """The deploy form as it is: the reference to compare with."""
    return Recipe("float32")


def float16() -> Recipe:
    """Half the size, the accuracy of float32, no calibration.

    XNNPACK still computes in float32: it is smaller, not faster.
    """
    return Recipe("float16", weights="float16")


def float16_arithmetic() -> Recipe:
    """Half floats in arithmetic too, on Arm cores that have them.

    A sixth fewer instructions there than `float16`, at about 61 dB, counted
    on the embedded checkpoint; the same as `float16` everywhere else.
    """
    return Recipe("float16_arithmetic", "float16", fp16_compute=True)


def weight_only() -> Recipe:
    """A quarter of the size, float arithmetic, no calibration images needed.

    For downloads that must be small where accuracy matters more than speed.
    Calibration images, if there are any, take most of the weights' rounding
    error away, and the file is compared with float32 on some of them. Give
    them wherever you can; on fine-tunes of ImageNet weights it matters most.
    """
    return Recipe("weight_only", weights="int8", moment_rounding=True)


def dynamic() -> Recipe:
    """A quarter of the size, int8 products, no calibration images needed.

    The ranges of activations are found as they come. Depthwise convolutions
    stay float: XNNPACK has no such kernel for them. Calibration images, if
    there are any, do for the weights what they do in `weight_only`.
    """
    return Recipe(
        "dynamic",
        weights="int8",
        activations="dynamic",
        skip_ops=("DEPTHWISE_CONV_2D",),
        moment_rounding=True,
    )


def int8() -> Recipe:
    """The fastest and smallest file on a CPU with XNNPACK.

    Convolutions, dense layers, activations, residual sums, both attention
    products and the softmax between them are int8. The norms stay float,
    because XNNPACK has no int8 kernel for them: in int8 they would fall to
    slow reference code and cut the graph into pieces. Needs about a hundred
    calibration images.
    """
    return Recipe(
        "int8",
        weights="int8",
        activations="int8",
        skip_ops=("SOFTMAX",),
        skip_layers=NORMS,
        integer_softmax=True,
        bit_exact_norms=True,
        per_tensor_dense_weights=True,
        balance_channels=True,
        sequential_bias=True,
        moment_rounding=True,
    )


def int8_accurate(architecture: str = "mobilevit") -> Recipe:
    """Nearly the accuracy of float32, and smaller than half of it.

    As `int8`, but the layers whose int8 form makes most noise for the time
    that it saves stay float: the stem, the inverted residuals, the convolutions
    of the second MobileViT block, all of the third, the sums inside the
    transformers, the head and the classifier. `keras_mobilevit.tflite.search`
    on the embedded checkpoint, and the noise of each layer of two fine-tunes of
    ImageNet weights, singled them out; for another model, or another accuracy,
    let it search again.

    Args:
        architecture: Name of the architecture, whose entry names the layers.

    Raises:
        ValueError: If none are known of it.
    """
    layers = next(
        (a.float_layers for a in architectures() if a.name == architecture), ()
    )
    if not layers:
        raise ValueError(
            "The recipe int8_accurate names layers that stay float, and none "
            f"are known of {architecture}. Search for them with "
            "`keras-mobilevit search`."
        )
    return dataclasses.replace(
        int8(),
        name="int8_accurate",
        skip_layers=(*NORMS, *layers),
        # The layers that are left have fewer activations in their tails than
        # the early ones, whose calibration_percentile is the default.
        calibration_percentile=99.999,
        # Float layers differ between processors anyway.
        bit_exact_norms=False,
        per_tensor_dense_weights=False,
    )


def int8_full() -> Recipe:
    """Every operation, input and output in int8.

    For NPUs and microcontrollers that accept nothing else. On a CPU use
    `int8`: XNNPACK has no int8 kernel for softmax and for parts of the norms,
    so the graph falls into some thirty pieces, slower and less accurate.
    """
    return Recipe(
        "int8_full",
        weights="int8",
        activations="int8",
        input_type="int8",
        output_type="int8",
        per_tensor_dense_weights=True,
        balance_channels=True,
        sequential_bias=True,
        moment_rounding=True,
    )


RECIPES = {
    recipe.__name__: recipe
    for recipe in (
        float32,
        float16,
        float16_arithmetic,
        weight_only,
        dynamic,
        int8,
        int8_accurate,
        int8_full,
    )
}


def find_recipe(
    recipe: str | os.PathLike | Recipe, architecture: str = ""
) -> Recipe:
    """Returns a recipe by its name, or out of a JSON file.

    Args:
        recipe: A name in `RECIPES`, the path of a `.json` file, or a recipe.
        architecture: Name of the architecture of the model, for
            `int8_accurate`; by default `"mobilevit"`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If there is no such recipe, or the file holds none.

    Example:
        >>> from keras_mobilevit import tflite
        >>> recipe = tflite.find_recipe("dynamic")
        >>> recipe.weights, recipe.activations
        ('int8', 'dynamic')
    """
    if isinstance(recipe, Recipe):
        return recipe
    path = pathlib.Path(recipe)
    if path.suffix == ".json":
        if not path.is_file():
            raise FileNotFoundError(f"There is no recipe at {path}.")
        return Recipe.from_json(path.read_text(encoding="utf-8-sig"))
    if recipe not in RECIPES:
        raise ValueError(
            f"`recipe` must be one of {list(RECIPES)} or a .json file. "
            f"Received: recipe={recipe}"
        )
    if architecture and recipe == int8_accurate.__name__:
        return int8_accurate(architecture)
    return RECIPES[recipe]()
