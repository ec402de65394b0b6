import numpy as np
import pytest
from PIL import Image

from workloads.vim.errors import WorkloadError
from workloads.vim.images import ImageFolder, load_calibration, load_image, preprocess, raw_pixels


def picture(path, size=(40, 30), color=(255, 0, 128)):
    Image.new("RGB", size, color).save(path)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_one_colour(tmp_path, name):
    """(1 - 0.485) / 0.229 = 2.2489; (0 - 0.456) / 0.224 = -2.0357; (128/255 - 0.406) / 0.225 = 0.4265."""
    image = load_image(picture(tmp_path / name), 32)
    assert image.shape == (3, 32, 32)
    assert image.dtype == np.float32
    tolerance = 0.02 if name.endswith("jpg") else 1e-3
    np.testing.assert_allclose(image.mean((1, 2)), [2.2489, -2.0357, 0.4265], atol=tolerance)


def test_shorter_side_then_centre():
    """512 x 256, left half black, right half white: nothing is resized for 224, the crop starts at
    column 144, so the edge at 256 is its column 112."""
    pixels = np.zeros((256, 512), np.uint8)
    pixels[:, 256:] = 255
    image = preprocess(Image.fromarray(pixels), 224)
    assert image.shape == (3, 224, 224)
    white = image[0] > 0
    assert white[:, 112:].all()
    assert not white[:, :112].any()


def test_raw_pixels_have_22_fraction_bits():
    assert raw_pixels(np.array([1.0, -2.5, 2.0**-23 * 3], np.float32)).tolist() == [1 << 22, -5 << 21, 2]


def test_unreadable_image(tmp_path):
    with pytest.raises(WorkloadError, match="no such file"):
        load_image(tmp_path / "none.png", 32)
    (tmp_path / "bad.png").write_bytes(b"not a picture")
    with pytest.raises(WorkloadError, match=r"bad\.png: not a readable image"):
        load_image(tmp_path / "bad.png", 32)
    good = picture(tmp_path / "cut.png", (300, 300)).read_bytes()
    (tmp_path / "cut.png").write_bytes(good[: len(good) // 2])
    with pytest.raises(WorkloadError, match=r"cut\.png: not a readable image"):
        load_image(tmp_path / "cut.png", 32)


def test_calibration_from_a_folder(tmp_path):
    (tmp_path / "deep").mkdir()
    picture(tmp_path / "deep" / "b.JPEG", color=(0, 0, 0))
    picture(tmp_path / "a.png", color=(255, 255, 255))
    (tmp_path / "notes.txt").write_text("no picture")
    images = load_calibration(tmp_path, 48)
    assert images.shape == (2, 3, 48, 48)
    assert images[0].mean() > images[1].mean()
    assert len(load_calibration(tmp_path, 48, limit=1)) == 1


def test_calibration_from_arrays(tmp_path):
    np.savez(tmp_path / "bytes.npz", images=np.full((2, 60, 50, 3), 255, np.uint8))
    assert load_calibration(tmp_path / "bytes.npz", 48).shape == (2, 3, 48, 48)
    ready = np.random.default_rng(0).normal(size=(2, 3, 48, 48)).astype(np.float32)
    np.savez(tmp_path / "floats.npz", images=ready)
    np.testing.assert_array_equal(load_calibration(tmp_path / "floats.npz", 48), ready)


def test_calibration_errors(tmp_path):
    with pytest.raises(WorkloadError, match="no PNG or JPEG file in this folder"):
        load_calibration(tmp_path, 48)
    with pytest.raises(WorkloadError, match="no such file or folder"):
        load_calibration(tmp_path / "none", 48)
    path = tmp_path / "c.npz"
    path.write_bytes(b"PK")
    with pytest.raises(WorkloadError, match=r"not a readable \.npz"):
        load_calibration(path, 48)
    np.savez(path, pictures=np.zeros(3))
    with pytest.raises(WorkloadError, match="must hold an array named images"):
        load_calibration(path, 48)
    for wrong in (np.zeros((1, 3, 32, 32)), np.full((1, 3, 48, 48), np.nan), np.zeros((0, 3, 48, 48))):
        np.savez(path, images=wrong)
        with pytest.raises(
            WorkloadError, match=r"images must be uint8 \[n, H, W, 3\] or finite floats \[n, 3, 48, 48\]"
        ):
            load_calibration(path, 48)


def test_folder_of_classes(tmp_path):
    for label in ("wolf", "ant"):
        (tmp_path / label).mkdir()
        picture(tmp_path / label / "1.png")
    folder = ImageFolder.open(tmp_path)
    assert folder.classes == ["ant", "wolf"]
    assert [(path.parent.name, label) for path, label in folder.files] == [("ant", 0), ("wolf", 1)]
    (images, labels), *rest = folder.batches(32, 5)
    assert (images.shape, labels.tolist(), rest) == ((2, 3, 32, 32), [0, 1], [])


def test_empty_folder(tmp_path):
    with pytest.raises(WorkloadError, match="no such folder"):
        ImageFolder.open(tmp_path / "none")
    picture(tmp_path / "loose.png")
    with pytest.raises(WorkloadError, match="no PNG or JPEG file in a class folder"):
        ImageFolder.open(tmp_path)
