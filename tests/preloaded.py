"""Load what commands need, once for all that are forks of the process that loads this."""

import importlib

for name in ("benchmarks.gpu.preloaded", "src.report", "src.sweep", "torch.utils.tensorboard"):
    importlib.import_module(name)
