"""The run configuration: one frozen, validated object, read from YAML and command-line flags.

It imports no TensorFlow, so a wrong configuration is refused before anything slow starts.
Values whose validity depends on the model or the loss (``model.args``, ``loss.args``) are
checked by those when they are built.
"""

from imbalance.config.choices import (
    CLASS_WEIGHTS,
    EMBEDDED,
    FORMATS,
    MODEL_OF_TASK,
    MONITOR_OF_TASK,
    MONITORS,
    MONITORS_OF_TASK,
    OPTIMIZERS,
    PAIR_SEPARATOR,
    PRECISIONS,
    PRETRAININGS,
    SAMPLINGS,
    SCHEDULES,
    SCHEMES,
    SPAN_FORMATS,
    TABLES,
    TASKS,
)
from imbalance.config.cluster import Cluster
from imbalance.config.data import DataConfig
from imbalance.config.run import RunConfig
from imbalance.config.sections import (
    DecisionConfig,
    LossConfig,
    ModelConfig,
    ServingConfig,
    TrainingConfig,
)
from imbalance.config.yaml_files import merge, parse_yaml, read_yaml

__all__ = [
    "CLASS_WEIGHTS",
    "Cluster",
    "DataConfig",
    "DecisionConfig",
    "EMBEDDED",
    "FORMATS",
    "LossConfig",
    "MODEL_OF_TASK",
    "MONITORS",
    "MONITORS_OF_TASK",
    "MONITOR_OF_TASK",
    "ModelConfig",
    "OPTIMIZERS",
    "PAIR_SEPARATOR",
    "PRECISIONS",
    "PRETRAININGS",
    "RunConfig",
    "SAMPLINGS",
    "SCHEDULES",
    "SCHEMES",
    "SPAN_FORMATS",
    "ServingConfig",
    "TABLES",
    "TASKS",
    "TrainingConfig",
    "merge",
    "parse_yaml",
    "read_yaml",
]
