"""scikit-learn's handwritten digits, 1,797 of 8 x 8 pixels, as images for the published preprocessing."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.datasets import load_digits

from workloads.vim.config import PRESETS
from workloads.vim.images import Floats, preprocess

CONFIG = PRESETS["digits"]
CHECKPOINT = Path(__file__).parent.parent / "data" / "digits.pth"
TEST = 600  # images held out
SPLIT_SEED = 0


def digit_image(pixels: npt.NDArray[np.float64]) -> Image.Image:
    """8 x 8 values of 0..16 as an RGB image of bytes, as a PNG file would hold it."""
    return Image.fromarray(np.rint(pixels * (255 / 16)).astype(np.uint8)).convert("RGB")


def load(part: str, resolution: int = CONFIG.image_size) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Images [n, 3, resolution, resolution] and labels [n] of `part`: "train" (1,197) or "test" (600).

    The split is one fixed permutation; training and calibration never see the test part.
    """
    data = load_digits()
    order = np.random.RandomState(SPLIT_SEED).permutation(len(data.target))
    chosen = {"test": order[:TEST], "train": order[TEST:]}[part]
    images = np.stack([preprocess(digit_image(data.images[i]), resolution) for i in chosen])
    return images, data.target[chosen].astype(np.int64)


def calibration_images(seed: int = 0, count: int = 64, resolution: int = CONFIG.image_size) -> Floats:
    """`count` images of the train part, drawn without replacement by `seed`: [count, 3, side, side]."""
    images, _ = load("train", resolution)
    return images[np.sort(np.random.RandomState(seed).permutation(len(images))[:count])]
