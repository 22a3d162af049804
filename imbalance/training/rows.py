"""The rows of a training as batches, each with one weight folded from all that weigh it."""

from imbalance.data.encoded import EncodedCorpus
from imbalance.data.pipeline import (
    TokenValues,
    TrainingBatches,
    evaluation_dataset,
    row_chances,
    row_weights,
)
from imbalance.tasks.base import Targets
from imbalance.training.deferred import DeferredWeights
from imbalance.training.problem import Problem


def pipelines(problem: Problem, encoded: EncodedCorpus):
    """Return training batches, the dataset of the validation rows or None, and the callbacks that
    the training batches need.
    """
    settings, targets = problem.config.training, problem.targets
    train, drawn = targets["train"], settings.sampling != "instance"
    chances = row_chances(train.labels, problem.draws) if drawn else None
    weights_now = folded_weights(train, problem.class_weights, chances)
    callbacks = []
    if settings.weighted_from:
        later = weights_now
        weights_now = folded_weights(train, None, chances)
        now, then = (getattr(each, "values", each) for each in (weights_now, later))
        callbacks.append(DeferredWeights(now, then, settings.weighted_from))
    batches = TrainingBatches(
        encoded.rows["train"],
        train.labels,
        weights_now,
        batch_size=settings.batch_size,
        seed=settings.seed,
        chances=chances,
    )
    validation_rows = None
    if "validation" in targets:
        validation_rows = evaluation_dataset(
            encoded.rows["validation"],
            targets["validation"].labels,
            # Class weights are of training; validation scores are those of the data as it is.
            folded_weights(targets["validation"]),
            batch_size=settings.batch_size,
        )
    return batches, validation_rows, callbacks


def folded_weights(targets: Targets, class_weights=None, chances=None):
    """Fold class weights and the weights of rows or tokens into one, of the shape of the labels.

    Args:
        targets: of a split.
        class_weights, chances: see :func:`imbalance.data.pipeline.row_weights`.
    """
    labels, given = targets
    if not isinstance(labels, TokenValues):
        return row_weights(labels, class_weights, given, chances)
    values = given.values
    if class_weights is not None:
        # The mean is that of the labels that count, as without class weights.
        flat = values.ravel()
        flat = row_weights(labels.values.ravel(), class_weights, flat, chances=flat > 0)
        values = flat.reshape(values.shape)
    # A copy: deferred weights change it in place.
    return TokenValues(values.copy(), given.starts)
