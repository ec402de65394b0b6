import numpy as np
import torch

from workloads import train_digits
from workloads.vim import digits
from workloads.vim.checkpoint import load_checkpoint


def test_checkpoint_ships_and_is_small():
    assert digits.CHECKPOINT.stat().st_size < 1_000_000
    model = load_checkpoint(digits.CHECKPOINT, digits.CONFIG)
    assert digits.CONFIG.tokens() == 17
    assert sum(p.numel() for p in model.parameters()) < 250_000


def test_parts_are_disjoint():
    """1,797 images in all; only exact duplicates of the data set itself could be in both."""
    train, train_labels = digits.load("train")
    test, test_labels = digits.load("test")
    assert (train.shape, test.shape) == ((1197, 3, 64, 64), (600, 3, 64, 64))
    assert (len(train_labels), len(test_labels)) == (1197, 600)
    seen = {image.tobytes() for image in train}
    assert sum(image.tobytes() in seen for image in test) == 0
    assert set(np.unique(test_labels)) == set(range(10))


def test_calibration_images_come_from_the_train_part():
    images = digits.calibration_images(seed=3, count=5)
    train = {image.tobytes() for image in digits.load("train")[0]}
    assert len({image.tobytes() for image in images} & train) == 5
    assert not np.array_equal(images, digits.calibration_images(seed=4, count=5))


def test_jitter_is_reproducible_and_keeps_the_borders_colour():
    images = torch.full((2, 3, 64, 64), 1.5)
    first = train_digits.jitter(images, torch.Generator().manual_seed(0))
    torch.testing.assert_close(first, images)
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    again = [train_digits.jitter(images, torch.Generator().manual_seed(0)) for _ in range(2)]
    assert torch.equal(*again)
    assert not torch.equal(again[0], images)
