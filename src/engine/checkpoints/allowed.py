"""What the configuration in a checkpoint may name: a list, and nothing that only looks like it."""

import importlib
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

# Whose public classes of one kind are all allowed: those of our own rooms, and those that compute.
_WHOLE = {
    "src.callbacks": "builtins.object",
    "src.data": "builtins.object",
    "src.models": "builtins.object",
    "src.tasks": "builtins.object",
    "torch.nn": "torch.nn.Module",
    "torch.optim": "torch.optim.Optimizer",
    "torch.optim.lr_scheduler": "torch.optim.lr_scheduler.LRScheduler",
    "torchmetrics.classification": "torchmetrics.Metric",
    "torchmetrics.clustering": "torchmetrics.Metric",
    "torchmetrics.nominal": "torchmetrics.Metric",
    "torchmetrics.regression": "torchmetrics.Metric",
    "torchmetrics.retrieval": "torchmetrics.Metric",
    "torchmetrics.segmentation": "torchmetrics.Metric",
    "torchmetrics.aggregation": "torchmetrics.Metric",
    "torchvision.transforms": "torch.nn.Module",
    "torchvision.transforms.v2": "torch.nn.Module",
}
# The others by name: those that act inside a run, fetch nothing and call nothing they are told.
_LISTED = {
    "lightning.pytorch": "LightningModule LightningDataModule Trainer",
    "lightning.pytorch.accelerators": "CPUAccelerator CUDAAccelerator MPSAccelerator",
    "lightning.pytorch.callbacks": (
        "BackboneFinetuning Callback DeviceStatsMonitor EarlyStopping EMAWeightAveraging "
        "GradientAccumulationScheduler LearningRateMonitor ModelCheckpoint ModelSummary "
        "OnExceptionCheckpoint RichModelSummary RichProgressBar StochasticWeightAveraging Timer "
        "TQDMProgressBar WeightAveraging"
    ),
    "lightning.pytorch.callbacks.finetuning": "multiplicative",
    "lightning.pytorch.cli": "ReduceLROnPlateau",
    "lightning.pytorch.loggers": "CSVLogger TensorBoardLogger",
    "lightning.pytorch.plugins": (
        "DoublePrecision FSDPPrecision HalfPrecision MixedPrecision TorchSyncBatchNorm"
    ),
    "lightning.pytorch.plugins.environments": "LightningEnvironment TorchElasticEnvironment",
    "lightning.pytorch.profilers": (
        "AdvancedProfiler PassThroughProfiler PyTorchProfiler SimpleProfiler"
    ),
    "lightning.pytorch.strategies": (
        "DDPStrategy FSDPStrategy ModelParallelStrategy SingleDeviceStrategy"
    ),
    "torch.nn.functional": (
        "celu elu gelu hardswish hardtanh leaky_relu logsigmoid mish relu relu6 selu sigmoid silu "
        "softplus softsign tanh"
    ),
    "torch": "relu sigmoid tanh",
    "torchmetrics": "MetricCollection",
    "torchmetrics.image": (
        "ErrorRelativeGlobalDimensionlessSynthesis MultiScaleStructuralSimilarityIndexMeasure "
        "PeakSignalNoiseRatio RelativeAverageSpectralError SpectralAngleMapper "
        "StructuralSimilarityIndexMeasure TotalVariation UniversalImageQualityIndex"
    ),
    "torchmetrics.text": (
        "CharErrorRate EditDistance MatchErrorRate Perplexity WordErrorRate WordInfoLost"
    ),
}
_NOT = {"torchvision.transforms.Lambda", "torchvision.transforms.v2.Lambda"}
MODELS = "torchvision.models"  # its functions that make them
_SLOW = {"torchmetrics", "torchvision"}  # loaded only for a name of theirs


def find_allowed(name: str) -> Any:
    """Look up a class or function by its name, importing nothing but the packages of the list.

    Args:
        name: Dotted name, by the place that publishes it or by the one that defines it.

    Returns:
        The class or function itself; None if the list does not have it.
    """
    package = name.partition(".")[0]
    known = {namespace.partition(".")[0] for namespace in _WHOLE}
    return _table(package).get(name) if package in known | {"lightning"} else None


def allowed_names(also: Iterator[str]) -> list[str]:
    """List all names that are allowed.

    Args:
        also: Names in a configuration; packages that load slowly are listed if it needs them.

    Returns:
        Dotted names.
    """
    packages = {name.partition(".")[0] for name in also} & _SLOW
    return [name for each in ("src", "torch", "lightning", *packages) for name in _table(each)]


def is_model_function(item: Any) -> bool:
    """Tell whether a network is made by one of torchvision's functions, which may fetch weights.

    Args:
        item: What `find_allowed` found.

    Returns:
        True for such a function.
    """
    return not isinstance(item, type) and str(item.__module__).startswith(f"{MODELS}.")


@cache
def _table(package: str) -> dict[str, Any]:
    return {name: item for place, key, item in _items(package) for name in _names(place, key, item)}


def _items(package: str) -> Iterator[tuple[ModuleType, str, Any]]:
    """Give each allowed thing of a package with the module that publishes it."""
    for namespace in [name for name in _WHOLE if name.partition(".")[0] == package]:
        module, kind = importlib.import_module(namespace), _get(_WHOLE[namespace])
        for key, item in vars(module).items():
            if f"{namespace}.{key}" not in _NOT and _is_public(package, key, item, kind):
                yield module, key, item
    for namespace in [name for name in _LISTED if name.partition(".")[0] == package]:
        module = importlib.import_module(namespace)
        yield from ((module, key, getattr(module, key)) for key in _LISTED[namespace].split())
    if package == MODELS.partition(".")[0]:
        module = importlib.import_module(MODELS)
        keys = module.list_models(module=module)
        yield from ((module, key, getattr(module, key)) for key in keys)


def _is_public(package: str, key: str, item: Any, kind: type) -> bool:
    """Tell whether a package publishes a class of its own; others are imported everywhere."""
    own = isinstance(item, type) and item.__module__.partition(".")[0] == package
    return own and issubclass(item, kind) and not key.startswith("_")


def _names(place: ModuleType, key: str, item: Any) -> set[str]:
    """Name a thing by its place, by where it is defined, and by the root of its package."""
    names = {f"{place.__name__}.{key}", f"{item.__module__}.{item.__qualname__}"}
    root = place.__name__.partition(".")[0]
    if getattr(importlib.import_module(root), key, None) is item:
        names.add(f"{root}.{key}")
    return names


def _get(name: str) -> Any:
    module, _, key = name.rpartition(".")
    return getattr(importlib.import_module(module), key)
