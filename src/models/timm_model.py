"""Any architecture of timm, by its name."""

import difflib
import re
from importlib.util import find_spec
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from typing_extensions import override

_Option = bool | int | float | str | list[int] | list[float]
# What the data set gives, what fetches or reads files, and what returns no logits.
_NO_OPTION = re.compile(
    r"num_classes|in_chans|img_size|features_only|.*(pretrained|checkpoint|cache|file|url|_dir).*"
)
_LONGEST = 200  # characters of a reason


class TimmModel(nn.Module):
    """An architecture of timm, by its name, with random weights.

    Channels, size and number of classes are those of the data set. Nothing is ever fetched.

    Args:
        name: Name of the architecture, such as `resnet18`; `timm.list_models()` lists all.
        image_shape: Channels, height and width of an image [px].
        num_classes: Number of classes K.
        resize: Height and width to which the network brings images first [px]; None leaves them.
        options: Further arguments of the architecture, such as `drop_rate`.
        grad_checkpointing: Compute inner values again in the backward pass instead of keeping them:
            less memory, more time.

    Raises:
        ValueError: timm is not installed or has no such architecture, or that does not take the
            images or the options.

    References:
        Wightman, "PyTorch image models", 2019. https://github.com/huggingface/pytorch-image-models
    """

    def __init__(
        self,
        name: str,
        image_shape: tuple[int, int, int] = (1, 28, 28),
        num_classes: int = 10,
        resize: int | tuple[int, int] | None = None,
        options: dict[str, _Option] | None = None,
        grad_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.resize = (resize, resize) if isinstance(resize, int) else resize
        shape = (image_shape[0], *(self.resize or image_shape[1:]))
        if min(*shape, num_classes) < 1:
            raise ValueError(
                f"TimmModel needs positive sizes, got {image_shape=}, {num_classes=}, {resize=}"
            )
        self.model = _create(name, shape, num_classes, options or {})
        self.to(memory_format=torch.channels_last)  # the faster layout of convolutions
        if grad_checkpointing:
            try:
                self.model.set_grad_checkpointing()
            except Exception as error:  # whatever an architecture says that cannot do it
                raise ValueError(f"{name} of timm has no grad_checkpointing") from error

    @override
    def forward(self, image: Tensor) -> Tensor:
        """Compute the logits of each image.

        Args:
            image: Normalised pixels, `(B, C, H, W)`.

        Returns:
            Logits, `(B, K)`.
        """
        if self.resize:
            image = F.interpolate(image, self.resize, mode="bilinear")
        logits: Tensor = self.model(image)
        return logits


def _create(
    name: str, shape: tuple[int, ...], num_classes: int, options: dict[str, _Option]
) -> Any:
    timm = _timm_with(name)
    for option in options:
        if _NO_OPTION.fullmatch(option):
            raise ValueError(f"{option:.80} is no option of an architecture of TimmModel: leave it")
    given: dict[str, Any] = {"in_chans": shape[0], "num_classes": num_classes, **options}
    if timm.models.get_pretrained_cfg_value(name, "fixed_input_size"):
        given["img_size"] = shape[1:]
    try:
        model = timm.create_model(name, pretrained=False, **given)
    except Exception as error:  # whatever an architecture says of its arguments
        if _is_unknown(error):
            raise
        raise ValueError(f"timm cannot make {name} with {given}: {_reason(error)}") from error
    if reason := _misfit(model, shape, num_classes):
        size = model.pretrained_cfg["input_size"][-1]
        raise ValueError(
            f"{name} of timm does not take images of {shape[1]} x {shape[2]} px ({reason}): let it "
            f"resize them, as with --model.network.resize {size}"
        )
    return model


def _timm_with(name: str) -> Any:
    """Import timm, which takes seconds, and see that it has an architecture."""
    if find_spec("timm") is None:
        raise ValueError('TimmModel needs timm: pip install -e ".[timm]"')
    import timm

    # Any other name might be an address or a folder, which timm would follow.
    if name not in (known := timm.list_models()):
        near = difflib.get_close_matches(name.partition(".")[0], known, n=3, cutoff=0.7)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise ValueError(f"timm has no architecture {name!r:.80}{hint}")
    return timm


def _misfit(model: Any, shape: tuple[int, ...], num_classes: int) -> str:
    """Say why two images of a shape cannot be taken, without computing anything."""
    tensors = [*model.named_parameters(), *model.named_buffers()]
    without_values = {key: tensor.detach().to("meta") for key, tensor in tensors}
    try:
        with torch.no_grad():
            logits = functional_call(model, without_values, torch.empty(2, *shape, device="meta"))
    except Exception as error:  # whatever an architecture says of its input
        return "" if _is_unknown(error) else _reason(error)
    if not isinstance(logits, Tensor) or logits.shape != (2, num_classes):
        return f"it does not return {num_classes} logits of each"
    return _cut(model, shape[1:])


def _cut(model: nn.Module, size: tuple[int, ...]) -> str:
    """Say which patches would leave out an edge of the images."""
    from timm.layers.patch_embed import PatchEmbed

    for module in model.modules():
        if isinstance(module, PatchEmbed) and module.img_size == size:
            patch = module.patch_size
            cut = any(side % part for side, part in zip(size, patch, strict=True))
            if cut and not module.dynamic_img_pad:
                return f"patches of {patch[0]} x {patch[1]} px would cut off an edge"
    return ""


def _is_unknown(error: Exception) -> bool:
    """Tell whether torch only fails because tensors have no values here."""
    told = re.search(r"\bmeta (tensor|device)", str(error))
    return isinstance(error, NotImplementedError) or told is not None


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:_LONGEST].rstrip(".")
