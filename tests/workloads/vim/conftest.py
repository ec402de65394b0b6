import pytest
import torch

from workloads.vim.config import VimConfig
from workloads.vim.model import random_model
from workloads.vim.smoothing import calibrate


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def config():
    """Two layers, 9 patches, a last block of 16 inputs (d_model 48), classes padded from 5 to 16."""
    return VimConfig("custom", d_model=48, layers=2, image_size=48, classes=5)


@pytest.fixture(scope="session")
def images(config):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(3, 3, config.image_size, config.image_size, generator=generator)


@pytest.fixture(scope="session")
def model(config):
    """Random weights, everything that starts at 0 or 1 shaken so that no term can hide."""
    model = random_model(config, 0)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.empty_like(p).uniform_(-0.1, 0.1, generator=generator))
    return model


@pytest.fixture(scope="session")
def calibration(model, images):
    return calibrate(model, images)
