"""Observers of a run; without them the weights are the same."""

from src.callbacks.curves import Curves as Curves
from src.callbacks.image_grid import ImageGrid as ImageGrid
from src.callbacks.model_graph import ModelGraph as ModelGraph
from src.callbacks.temperature import Temperature as Temperature
from src.callbacks.throughput import Throughput as Throughput
