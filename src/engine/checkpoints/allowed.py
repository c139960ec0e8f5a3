"""What the configuration in a checkpoint may name: a list, and nothing that only looks like it."""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

# All public classes of one kind in a module: in our own rooms any, of others those that compute.
_WHOLE = {
    "builtins.object": "src.callbacks src.data src.models src.tasks",
    "torch.nn.Module": "torch.nn torchvision.transforms torchvision.transforms.v2",
    "torch.optim.Optimizer": "torch.optim",
    "torch.optim.lr_scheduler.LRScheduler": "torch.optim.lr_scheduler",
    "torchmetrics.Metric": (
        "torchmetrics.aggregation torchmetrics.classification torchmetrics.clustering "
        "torchmetrics.nominal torchmetrics.regression torchmetrics.retrieval "
        "torchmetrics.segmentation"
    ),
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
_MODELS = "torchvision.models"  # its functions that make them
_QUICK = {"src", "torch", "lightning"}
_SLOW = {"torchmetrics", "torchvision"}  # loaded only for a name of theirs


def find_allowed(name: str) -> Any:
    """Look up a class or function by its name, importing nothing but the packages of the list.

    Args:
        name: Dotted name, by the place that publishes it or by the one that defines it.

    Returns:
        The class or function itself; None if the list does not have it.
    """
    package = name.partition(".")[0]
    return _table(package).get(name) if package in _QUICK | _SLOW else None


def allowed_names(needed: Iterable[str]) -> set[str]:
    """List all names that are allowed.

    Args:
        needed: Names in a configuration; packages that load slowly are listed if it needs them.

    Returns:
        Dotted names.
    """
    packages = {name.partition(".")[0] for name in needed} & _SLOW | _QUICK
    return {name for package in packages for name in _table(package)}


@cache
def _table(package: str) -> dict[str, Any]:
    """List what is allowed of a package, by its place, by where it is defined, and by its root."""
    table: dict[str, Any] = {}
    root = importlib.import_module(package)
    for module, key, item in _items(package):
        table |= {f"{module}.{key}": item, f"{item.__module__}.{item.__qualname__}": item}
        if getattr(root, key, None) is item:
            table[f"{package}.{key}"] = item
    return table


def _items(package: str) -> Iterator[tuple[str, str, Any]]:
    """Give each allowed thing of a package with the module that publishes it."""
    for kind, modules in _WHOLE.items():
        for name in _of(package, modules.split()):
            for key, item in vars(importlib.import_module(name)).items():
                if f"{name}.{key}" not in _NOT and _is_public(package, key, item, kind):
                    yield name, key, item
    for name in _of(package, _LISTED):
        module = importlib.import_module(name)
        yield from ((name, key, getattr(module, key)) for key in _LISTED[name].split())
    for name in _of(package, [_MODELS]):
        module = importlib.import_module(name)
        yield from ((name, key, getattr(module, key)) for key in module.list_models(module=module))


def _of(package: str, modules: Iterable[str]) -> list[str]:
    return [name for name in modules if name.partition(".")[0] == package]


def _is_public(package: str, key: str, item: Any, kind: str) -> bool:
    """Tell whether a package publishes a class of its own; others are imported everywhere."""
    own = isinstance(item, type) and item.__module__.partition(".")[0] == package
    return own and issubclass(item, pkgutil.resolve_name(kind)) and not key.startswith("_")
