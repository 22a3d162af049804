"""Reading labelled texts, and turning them into batches of token ids."""

from imbalance.data.corpus import Corpus, Split, load, load_split
from imbalance.data.readers import text_key

__all__ = ["Corpus", "Split", "load", "load_split", "text_key"]
