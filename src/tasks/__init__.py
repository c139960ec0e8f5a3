"""What a network is trained for: loss, metrics, optimizer and schedule."""

from src.tasks.classification import ClassificationTask as ClassificationTask
from src.tasks.one_cycle import OneCycle as OneCycle
