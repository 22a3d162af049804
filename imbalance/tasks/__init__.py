"""Tasks: what differs between labels of texts, tags of tokens, spans and answers.

There is one trainer, one run folder and one report; a task tells them which classes there are,
what the labels of a row look like beside the network's logits, and what logits say.
"""

from collections.abc import Mapping
from types import MappingProxyType

from imbalance.tasks.base import Task
from imbalance.tasks.classification import Classification
from imbalance.tasks.reading import Reading
from imbalance.tasks.spans import Pointers, Tagging

_TASKS: Mapping[str, Task] = MappingProxyType(
    {
        "classification": Classification(),
        "tagging": Tagging(),
        "span": Pointers(),
        "reading": Reading(),
    }
)


def get(name: str) -> Task:
    """Return the task of this name, one of :data:`imbalance.config.TASKS`.

    Example:
        >>> get("span").classes(["address", "name"], scheme="bio")
        ('O', 'address', 'name')
    """
    return _TASKS[name]


__all__ = ["Task", "get"]
