"""Labels of whole texts."""

from imbalance import data, metrics, models
from imbalance.tasks.base import Targets, Task


class Classification(Task):
    """One label a text, or a pair of texts."""

    def load(self, config):
        return data.load(config)

    def names(self, corpus):
        return corpus.labels

    def classes(self, names, scheme):
        return tuple(names)

    def targets(self, corpus, split, config, activation):
        rows = corpus.splits[split]
        return Targets(rows.labels, rows.weights)

    def units(self, classes, activation):
        return models.output_units(activation, len(classes))

    def metrics(self, classes, activation):
        return metrics.standard_metrics(len(classes), activation)
