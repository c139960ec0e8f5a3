"""What a network is trained for: loss, metrics, optimizer and schedule."""

from src.tasks.classification import ClassificationTask as ClassificationTask
from src.tasks.fine_tuning import FineTuningTask as FineTuningTask
from src.tasks.language_model import LanguageModelTask as LanguageModelTask
from src.tasks.multi_label import MultiLabelTask as MultiLabelTask
from src.tasks.one_cycle import OneCycle as OneCycle
from src.tasks.regression import RegressionTask as RegressionTask
from src.tasks.segmentation import SegmentationTask as SegmentationTask
