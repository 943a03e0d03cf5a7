"""Sections of a training recipe: every field of them, with its rule.

Defaults are those of Section 4.1 of arXiv 2110.02178 and of its published
code.
"""

from __future__ import annotations

import dataclasses

from keras_mobilevit.configs import IGNORE_LABEL, MIN_SIZE
from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.training.checked import (
    Checked,
    choice,
    flag,
    number,
    pair,
    text,
    texts,
    whole,
)
from keras_mobilevit.training.sampler import MODES, make_scales

CROPS = ("random_resized", "padded", "short_side", "ssd", "none")


@dataclasses.dataclass(frozen=True)
class Schedule(Checked):
    """Learning rate: a linear warm-up, then half a cosine.

    Attributes:
        epochs: Passes over the training images.
        start: Rate of the first step.
        peak: Rate at the end of the warm-up, where the cosine begins.
        floor: Rate at the end of the cosine.
        warmup_steps: Steps of the warm-up.
        per: `"epoch"`, as published, or `"step"`: how often the cosine moves.
    """

    epochs: int = whole(300, "[1, inf)")
    start: float = number(2e-4, "[0, inf)")
    peak: float = number(2e-3, "(0, inf)")
    floor: float = number(2e-4, "[0, inf)")
    warmup_steps: int = whole(3000, "[0, inf)")
    per: str = choice("epoch", ("epoch", "step"))

    def __post_init__(self):
        super().__post_init__()
        if self.floor > self.peak:
            raise ValueError(
                "`schedule.floor` must be at most `schedule.peak`. Received: "
                f"floor={self.floor}, peak={self.peak}"
            )
        if self.warmup_steps and self.start > self.peak:
            raise ValueError(
                "`schedule.start` must be at most `schedule.peak`. Received: "
                f"start={self.start}, peak={self.peak}"
            )


@dataclasses.dataclass(frozen=True)
class Optimizer(Checked):
    """AdamW, what it decays, and what is averaged.

    Attributes:
        weight_decay: Decoupled decay of the trainable variables.
        label_smoothing: Mass spread evenly over all classes.
        ema_momentum: Momentum of the average of the weights that is evaluated
            and saved; 0 for no average.
        clip_norm: Largest global norm of the gradients; 0 for no clipping.
        freeze: Number of parts that keep their weights, counted from the
            image: 0 for none, 1 for the stem, 2 for stage 1 too, up to 7 for
            all but the classifier of MobileViT. Frozen batch norms keep their
            statistics. Networks for dense prediction have the same parts: 6
            freezes their backbone.
        layer_decay: Factor on the learning rate from one part to the part in
            front of it, in (0, 1].
        head_rate: Factor on the learning rate of all that lies behind the
            backbone.
        mixed_precision: Whether to compute in `mixed_float16`, as published;
            for GPUs.
        sync_batch_norm: Whether batch norms take their statistics over all
            replicas, so that the number of devices does not matter. Published
            without.
        decay_vectors: Whether biases and norms decay too, as published for
            MobileViT; those of MobileViTv2 do not.
    """

    weight_decay: float = number(0.01, "[0, inf)")
    label_smoothing: float = number(0.1, "[0, 1)")
    ema_momentum: float = number(0.9995, "[0, 1)")
    clip_norm: float = number(0.0, "[0, inf)")
    freeze: int = whole(0, "[0, inf)")
    layer_decay: float = number(1.0, "(0, 1]")
    head_rate: float = number(1.0, "(0, inf)")
    mixed_precision: bool = flag(False)
    sync_batch_norm: bool = flag(False)
    decay_vectors: bool = flag(True)


@dataclasses.dataclass(frozen=True)
class Sampler(Checked):
    """Sizes of the batches; see `keras_mobilevit.training.sampler`.

    Attributes:
        mode: `"paper"`, `"listing"`, `"v0.1"` or `"v0.4"`, the multi-scale
            samplers of the paper, of its listing and of the published code;
            or `"standard"`, one size.
        size: Side of the base size, in pixels.
        batch_size: Images a replica at the base size; in mode `"paper"` at
            the largest size, where the paper defines it. 82 at 320 pixels
            are 128 at 256.
        divisor: Sides are multiples of it.
    """

    mode: str = choice("paper", MODES)
    size: int = whole(256, f"[{MIN_SIZE}, inf)")
    batch_size: int = whole(82, "[1, inf)")
    divisor: int = whole(32, "[1, inf)")

    def __post_init__(self):
        super().__post_init__()
        try:
            make_scales(
                self.mode, self.size, self.batch_size, divisor=self.divisor
            )
        except ValueError as error:
            raise ValueError(f"In `sampler`: {error}") from error


@dataclasses.dataclass(frozen=True)
class Augmentation(Checked):
    """What happens to a training image before the model sees it.

    Attributes:
        crop: `"random_resized"`, a random part of the image; `"padded"`, the
            image shifted by up to `padding`; `"short_side"`, a random part
            of an image that is resized at random, for segmentation; `"ssd"`,
            a random part that keeps a minimal overlap with some box, for
            detection; `"none"`, the preprocessing of `Evaluation`.
        scale: Smallest and largest share of the area that
            `"random_resized"` takes.
        ratio: Smallest and largest width over height of that part.
        padding: Reflected border of `"padded"`, in pixels of the original.
        short_side: Smallest and largest short side of the resized image of
            `"short_side"`, in sides of the input.
        colors: Whether to distort the colours as
            `keras_mobilevit.detection.augmentation` does.
        flip: Probability of a horizontal flip.
        rand_augment: Number of operations of `keras.layers.RandAugment`,
            drawn once a batch; 0 for none. Slow: it computes all it knows.
        erasing: Probability of a random rectangle being overwritten.
        mixup: Alpha of `keras.layers.MixUp`; 0 for none.
        cutmix: Whether to apply `keras.layers.CutMix`; with `mixup` too, a
            batch gets one of the two.
    """

    crop: str = choice("random_resized", CROPS)
    scale: tuple[float, float] = pair((0.08, 1.0), "(0, 1]")
    ratio: tuple[float, float] = pair((3 / 4, 4 / 3), "(0, inf)")
    padding: int = whole(0, "[0, inf)")
    short_side: tuple[float, float] = pair((0.5, 2.0), "(0, inf)")
    colors: bool = flag(False)
    flip: float = number(0.5, "[0, 1]")
    rand_augment: int = whole(0, "[0, inf)")
    erasing: float = number(0.0, "[0, 1]")
    mixup: float = number(0.0, "[0, inf)")
    cutmix: bool = flag(False)

    def __post_init__(self):
        super().__post_init__()
        if (self.crop == "padded") != (self.padding > 0):
            raise ValueError(
                "`augmentation.padding` must be above 0 where "
                "`augmentation.crop` is 'padded', and 0 elsewhere. Received: "
                f"padding={self.padding}, crop={self.crop!r}"
            )


@dataclasses.dataclass(frozen=True)
class Evaluation(Checked):
    """Preprocessing of validation images; it goes along with the weights.

    Attributes:
        size: Side of the square input, in pixels.
        crop_pct: As in `keras_mobilevit.images.load_image`.
        pre_resize: As in `keras_mobilevit.images.load_image`.
    """

    size: int = whole(256, f"[{MIN_SIZE}, inf)")
    crop_pct: float = number(256 / 288, "(0, 1]")
    pre_resize: int = whole(0, "[0, inf)")

    def __post_init__(self):
        super().__post_init__()
        if self.pre_resize > self.size:
            raise ValueError(
                "`evaluation.pre_resize` must be at most `evaluation.size`. "
                f"Received: pre_resize={self.pre_resize}, size={self.size}"
            )

    def image_spec(self, crop_mode: str = "center") -> ImageSpec:
        """The same as the description of a model has it.

        Args:
            crop_mode: As in `ImageSpec`; the task decides it.
        """
        return ImageSpec(
            size=(self.size, self.size),
            crop_pct=self.crop_pct,
            pre_resize=self.pre_resize,
            crop_mode=crop_mode,
        )


@dataclasses.dataclass(frozen=True)
class Distillation(Checked):
    """A teacher whose probabilities are mixed into the targets.

    Attributes:
        teacher: Path of a `.keras` or `.tflite` classifier of the same
            classes; empty for none.
        weight: Share of the teacher in the targets, in [0, 1].
    """

    teacher: str = text(
        "",
        pattern=r"|.+\.(keras|tflite)",
        expected="the path of a .keras or .tflite file, or empty",
    )
    weight: float = number(0.5, "[0, 1]")


@dataclasses.dataclass(frozen=True)
class Segmentation(Checked):
    """What only networks for segmentation have.

    Attributes:
        labels: Names of the classes 0, 1, ... in the masks; without any, the
            ids in the training masks are the names.
        void_label: Id of the pixels that belong to no class.
        output_stride: Pixels of the image a cell of the last map.
    """

    labels: tuple[str, ...] = texts(())
    void_label: int = whole(IGNORE_LABEL, "[0, 255]")
    output_stride: int = choice(16, (16, 8))

    def __post_init__(self):
        super().__post_init__()
        if self.void_label < len(self.labels):
            raise ValueError(
                "`segmentation.void_label` must be none of the classes 0 to "
                f"{len(self.labels) - 1}. Received: "
                f"void_label={self.void_label}"
            )


@dataclasses.dataclass(frozen=True)
class Detection(Checked):
    """What only detectors have.

    Attributes:
        map_epochs: The mAP of the validation images is measured every so many
            epochs, and after the last one.
    """

    map_epochs: int = whole(10, "[1, inf)")


@dataclasses.dataclass(frozen=True)
class Input(Checked):
    """How training images come to the device.

    Attributes:
        resident: Whether all of them are decoded once and stay there as bytes,
            to be cropped and resized inside the training step. The crops are
            the same, the pixels but for rounding. For classifiers, without
            what mixes images.
        resident_side: Larger pictures are kept reduced to a shorter side of so
            many pixels, which loses detail in small crops; 0 to keep them as
            they are.
    """

    resident: bool = flag(False)
    resident_side: int = whole(0, "[0, inf)")
