"""Images from files: the usual ImageNet preprocessing, folders of classes, raw pixels for the hardware."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from workloads.vim.errors import WorkloadError

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
CROP = 224 / 256  # side of the centre crop over the shorter side
PIXEL_FRACTION = 22  # fraction bits of a raw pixel
SUFFIXES = {".png", ".jpg", ".jpeg"}

Floats = npt.NDArray[np.float32]


def preprocess(image: Image.Image, resolution: int) -> Floats:
    """[3, resolution, resolution]: shorter side to resolution * 256/224 (bicubic), centre crop, then less
    ImageNet's mean, over its deviation.
    """
    image = image.convert("RGB")
    short = round(resolution / CROP)
    scale = short / min(image.size)
    width, height = (max(short, round(side * scale)) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - resolution) // 2, (height - resolution) // 2
    image = image.crop((left, top, left + resolution, top + resolution))
    pixels = np.asarray(image, np.float32) / np.float32(255)
    return np.ascontiguousarray(((pixels - MEAN) / STD).transpose(2, 0, 1))


def load_image(path: Path | str, resolution: int) -> Floats:
    """One PNG or JPEG file, preprocessed; WorkloadError when it is missing or unreadable."""
    try:
        with Image.open(path) as image:
            return preprocess(image, resolution)
    except FileNotFoundError:
        raise WorkloadError(f"{path}: no such file") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise WorkloadError(f"{path}: not a readable image ({error})") from None


def raw_pixels(images: Floats) -> npt.NDArray[np.int32]:
    """Normalized pixels as the engine takes them: rounded to integers with 22 fraction bits."""
    return np.rint(np.asarray(images, np.float64) * 2**PIXEL_FRACTION).astype(np.int32)


def load_calibration(path: Path | str, resolution: int, limit: int | None = None) -> Floats:
    """Images [n, 3, resolution, resolution], at most `limit`, from a folder of PNG and JPEG files (searched
    in depth, sorted), or from an .npz with `images`: uint8 [n, H, W, 3], to be preprocessed, or floats
    [n, 3, resolution, resolution], taken as they are. WorkloadError for anything else.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(f for f in path.rglob("*") if f.suffix.lower() in SUFFIXES)[:limit]
        if not files:
            raise WorkloadError(f"{path}: no PNG or JPEG file in this folder")
        return np.stack([load_image(f, resolution) for f in files])
    try:
        with np.load(path, allow_pickle=False) as archive:
            images = archive["images"][:limit]
    except FileNotFoundError:
        raise WorkloadError(f"{path}: no such file or folder") from None
    except KeyError:
        raise WorkloadError(f"{path}: must hold an array named images") from None
    except Exception as error:  # zip, zlib and numpy raise their own kinds
        raise WorkloadError(f"{path}: not a readable .npz ({error})") from None
    if len(images) and images.dtype == np.uint8 and images.ndim == 4 and images.shape[3] == 3:
        return np.stack([preprocess(Image.fromarray(image), resolution) for image in images])
    fits = len(images) > 0 and images.dtype.kind == "f" and images.shape[1:] == (3, resolution, resolution)
    if not fits or not np.isfinite(images).all():
        raise WorkloadError(
            f"{path}: images must be uint8 [n, H, W, 3] or finite floats [n, 3, {resolution}, {resolution}], "
            f"n at least 1, not {images.dtype} {list(images.shape)}"
        )
    return images.astype(np.float32)


@dataclass(frozen=True)
class ImageFolder:
    """One folder a class, numbered in sorted order; `files` are (path, class) pairs."""

    classes: list[str]
    files: list[tuple[Path, int]]

    @classmethod
    def open(cls, path: Path | str) -> "ImageFolder":
        """WorkloadError when there is no such folder or no image in a folder of it."""
        path = Path(path)
        if not path.is_dir():
            raise WorkloadError(f"{path}: no such folder")
        classes = sorted(p.name for p in path.iterdir() if p.is_dir())
        files = [
            (file, label)
            for label, name in enumerate(classes)
            for file in sorted((path / name).rglob("*"))
            if file.suffix.lower() in SUFFIXES
        ]
        if not files:
            raise WorkloadError(f"{path}: no PNG or JPEG file in a class folder of this folder")
        return cls(classes, files)

    def batches(self, resolution: int, size: int) -> Iterator[tuple[Floats, npt.NDArray[np.int64]]]:
        """Preprocessed images and their classes, at most `size` at a time."""
        for i in range(0, len(self.files), size):
            part = self.files[i : i + size]
            images = np.stack([load_image(file, resolution) for file, _ in part])
            yield images, np.array([label for _, label in part])
