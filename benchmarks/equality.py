"""``python -m benchmarks.equality RUN``: is a SavedModel of words what was trained?

Texts are cut into words in Python, as training does, and in the graph; and labelled by the network
in Python and by the run's SavedModel.
"""

import argparse
import dataclasses
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from imbalance.checks import InputError
from imbalance.commands.options import run as run_command

_LEAST = 0.999
_TEXTS_AT_ONCE = 128
_EXAMPLES = 3


class Equality(NamedTuple):
    """What was found.

    Attributes:
        texts: how many there were.
        same_words, same_labels: how many of them have the same words, the same label.
        furthest: the largest difference of a probability.
        examples: words in Python and in the graph, from the first that differs on.
    """

    texts: int
    same_words: int
    same_labels: int
    furthest: float
    examples: list[tuple[str, str]]

    @property
    def enough(self) -> bool:
        """Whether at least 99.9 % of the labels are the same."""
        return self.same_labels >= _LEAST * self.texts


def compare(run, serve, texts: Sequence[str]) -> Equality:
    """Compare words and labels of raw texts.

    Args:
        run: an :class:`imbalance.run_folder.Run` whose tokens are words.
        serve: the signature ``serving_default`` of its SavedModel.
        texts: any number, at least one.
    """
    import numpy as np
    import tensorflow as tf

    from imbalance.serving.word_graph import WordGraph

    tokenizer = run.encoder.tokenizer
    graph = WordGraph(tokenizer)
    cut = tf.function(lambda part: graph(part).words, autograph=False)
    examples, same_words, served, spec = [], 0, [], tf.TensorSpec([None], tf.string)
    cut = cut.get_concrete_function(spec)
    prepared = tokenizer.prepare(texts)
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        part = slice(start, start + _TEXTS_AT_ONCE)
        batch = tf.constant(texts[part])
        # As training has them: cut to the length that the network reads.
        python = tokenizer.split(tf.constant(prepared[part])).to_list()
        for ours, its in zip(python, cut(batch).to_list(), strict=True):
            same_words += ours == its
            if ours != its and len(examples) < _EXAMPLES:
                examples.append(_around_the_first_difference(ours, its))
        served.append(serve(text=batch)["probabilities"].numpy())
    found, expected = np.concatenate(served), run.probabilities(texts)
    same = run.decision.decide(found) == run.decision.decide(expected)
    return Equality(
        len(texts), same_words, int(same.sum()), float(np.abs(found - expected).max()), examples
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each source; return 1 if fewer than 99.9 % of the labels are the same."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.equality", description=__doc__)
    parser.add_argument("run", metavar="RUN", help="folder of a finished run with words")
    parser.add_argument(
        "--data",
        metavar="DATA",
        action="append",
        help="texts to compare, as train.py takes them, all splits; may be repeated; by default "
        "those of the run",
    )
    options = parser.parse_args(arguments)

    import tensorflow as tf

    from imbalance.run_folder import SERVING, Run
    from imbalance.serving.word_graph import text_operations

    run = Run(options.run)
    tokenizer = run.encoder.tokenizer
    if tokenizer.tokens != "words" or tokenizer.pairs:
        raise InputError(f"run: {run.path} is not one of single texts cut into words")
    versions = [each for each in (run.path / SERVING).glob("*") if each.name.isdigit()]
    if not versions:
        raise InputError(f"run: {run.path} has no SavedModel in {SERVING}, expected one")
    text_operations()  # registers what the SavedModel needs
    loaded = tf.saved_model.load(str(max(versions, key=lambda each: int(each.name))))
    print(f"{'texts of':40} {'texts':>8} {'same words':>11} {'same label':>11} {'furthest':>9}")
    enough = True
    for source in options.data or [run.config.data.source]:
        found = compare(run, loaded.signatures["serving_default"], list(_texts(run, source)))
        words, labels = found.same_words / found.texts, found.same_labels / found.texts
        name = Path(source).name
        print(f"{name:40} {found.texts:8,} {words:11.4%} {labels:11.4%} {found.furthest:9.1e}")
        for ours, its in found.examples:
            print(f"    {ours}  |  {its}")
        enough &= found.enough
    return 0 if enough else 1


def _texts(run, source: str) -> Iterator[str]:
    from imbalance.data import corpus

    settings = dataclasses.replace(
        run.config.data, source=source, files={}, imbalance_ratio=None, test_imbalance_ratio=None
    )
    for rows in corpus.read(settings).splits.values():
        yield from rows.texts


def _around_the_first_difference(*words: list[bytes]) -> tuple[str, str]:
    pairs = enumerate(zip(*words, strict=False))
    first = next((place for place, (ours, its) in pairs if ours != its), min(map(len, words)))
    near = slice(max(0, first - 1), first + 4)
    return tuple(" ".join(word.decode() for word in each[near]) for each in words)


if __name__ == "__main__":
    sys.exit(run_command(main))
