import pytest

from workloads.vim.config import PRESETS, VimConfig
from workloads.vim.errors import WorkloadError


@pytest.mark.parametrize(
    ("resolution", "tokens"),
    [(96, 37), (112, 50), (160, 101), (224, 197), (256, 257), (384, 577), (512, 1025)],
)
def test_tokens_are_the_patches_and_the_class_token(resolution, tokens):
    assert PRESETS["tiny"].tokens(resolution) == tokens


def test_overlapping_patches_of_stride_8():
    """(224 - 16) / 8 + 1 = 27 patches a side; 27 * 27 + 1."""
    assert VimConfig("tiny+", d_model=192, layers=24, stride=8).tokens() == 730


@pytest.mark.parametrize(("name", "rank", "rows"), [("tiny", 12, 16), ("small", 24, 32), ("base", 48, 48)])
def test_rank_of_the_step_is_padded_to_tiles_of_16(name, rank, rows):
    assert (PRESETS[name].dt_rank, PRESETS[name].dt_rank_padded) == (rank, rows)


def test_class_token_stands_in_the_middle():
    assert PRESETS["tiny"].class_position() == 98
    assert PRESETS["tiny"].classes_padded == 1008


def test_all_wrong_sizes_are_named_at_once():
    with pytest.raises(WorkloadError) as error:
        VimConfig("odd", d_model=100, layers=2, image_size=50)
    assert error.value.messages == [
        "odd: d_model must be a multiple of 16, not 100",
        "odd: image_size must be 16 plus a multiple of 16, not 50",
    ]


def test_resolution_must_be_filled_by_patches():
    with pytest.raises(WorkloadError, match="tiny: resolution must be 16 plus a multiple of 16, not 225"):
        PRESETS["tiny"].tokens(225)
