import pytest
import torch

from src.data.images import Images, channel_statistics


def test_batch_is_read_in_one_indexing_operation() -> None:
    images = Images(torch.arange(8, dtype=torch.uint8).reshape(4, 1, 1, 2), torch.arange(4))
    batch = images.__getitems__(torch.tensor([2, 0]))
    assert batch.image.flatten(1).tolist() == [[4, 5], [0, 1]]
    assert batch.label.tolist() == [2, 0]
    assert torch.equal(images[2].image, batch.image[:1])
    assert torch.equal(images.__getitems__([2, 0]).image, batch.image)  # as torch's loader asks


def test_images_go_to_a_device_with_their_labels() -> None:
    images = Images(torch.zeros(4, 1, 1, 2, dtype=torch.uint8), torch.arange(4))
    assert (len(images), images.device.type) == (4, "cpu")
    moved = images.to(torch.device("meta"))
    assert (moved.image.device.type, moved.label.device.type) == ("meta", "meta")
    assert (len(moved), moved.device.type) == (4, "meta")
    assert moved[1].image.device.type == "meta"


def test_statistics_are_of_each_channel() -> None:
    image = torch.randint(256, (7, 3, 5, 4), dtype=torch.uint8)
    image[:, 2] = 51
    mean, std = channel_statistics([image[:3], image[3:]])
    share = image.double() / 255
    assert mean == pytest.approx(share.mean((0, 2, 3)).tolist())
    assert std[:2] == pytest.approx(share.std((0, 2, 3), correction=0)[:2].tolist())
    assert std[2] == 1 / 255  # of one value, which must not be divided by
