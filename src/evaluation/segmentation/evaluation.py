"""How well a segmentation finds each class, and the images that it does worst."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from src.evaluation.picture import pixels
from src.evaluation.segmentation.figures import Masked, draw_classes, draw_overlays
from src.evaluation.wing import Addition, Split

_SHOWN = 12  # images of the gallery
_NAMED = 12  # classes of a line


def evaluate(split: Split) -> Addition:
    """Measure the IoU of each class, and show the images of the lowest mean IoU.

    Args:
        split: A split with `intersection` and `union` of each image, `(N, K)` [px].

    Returns:
        IoU of each class, in text and a picture, and a gallery, worst first.
    """
    common, either = (split.outputs[name].double() for name in ("intersection", "union"))
    iou = common.sum(0) / either.sum(0)  # (K,), of a class that does not occur it is NaN
    of_image = (common / either).nanmean(1)  # (N,)
    worst = of_image.nan_to_num(2).argsort(stable=True)[:_SHOWN]
    names = getattr(split.data, "class_names", None) or [str(number) for number in range(len(iou))]
    shown = _masked(split, worst.tolist(), of_image)
    found = {
        name: None if value.isnan() else value.item()
        for name, value in zip(names, iou, strict=True)
    }
    return Addition(
        {"IoU by class": _listed(found), "worst images": _numbers(worst, of_image)},
        {
            "miou": iou.nanmean().item(),
            "iou": found,
            "worst": [{"index": i, "iou": of_image[i].item()} for i in worst.tolist()],
        },
        {
            "iou_by_class": pixels(draw_classes(found)),
            "worst_images": pixels(draw_overlays(shown, names)),
        },
    )


def _listed(found: dict[str, float | None]) -> str:
    known = sorted((value, name) for name, value in found.items() if value is not None)
    more = f" and {len(known) - _NAMED} better ones" if len(known) > _NAMED else ""
    return ", ".join(f"{name} {value:.2%}" for value, name in known[:_NAMED]) + more


def _numbers(worst: Tensor, of_image: Tensor) -> str:
    return ", ".join(f"{index} ({of_image[index]:.1%})" for index in worst[:5].tolist())


def _masked(split: Split, wanted: Sequence[int], of_image: Tensor) -> list[Masked]:
    """Read some images again, in the order of the split, and ask the network once more."""
    found: dict[int, Masked] = {}
    first = 0
    for batch in _batches(split):
        image, label = batch[:2]
        here = [index - first for index in wanted if first <= index < first + len(label)]
        if here:
            with torch.inference_mode():
                said = split.task(image[here].to(split.task.device)).argmax(1).cpu()
            for place, prediction in zip(here, said, strict=True):
                index, score = first + place, of_image[first + place].item()
                given, truth = (part[place].cpu().numpy() for part in (image, label))
                found[index] = Masked(index, score, given, truth, prediction.numpy())
        first += len(label)
    return [found[index] for index in wanted]


def _batches(split: Split) -> Any:
    owner: Any = split.data or split.task
    loader = owner.test_dataloader() if split.name == "test" else owner.val_dataloader()
    for batch in loader[0] if isinstance(loader, list | tuple) else loader:
        yield owner.on_after_batch_transfer(batch, 0)
