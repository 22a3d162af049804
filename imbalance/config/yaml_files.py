"""YAML mappings, read by the safe loader and more strictly than it does."""

import re
from collections.abc import Mapping

import yaml

from imbalance import checks
from imbalance.checks import InputError

# Of a file in bytes; and of its characters and values once all aliases are written out. It takes
# some seconds to read as much.
LARGEST = 200_000
# JSON holds no such values, nor does anything here take them.
_OTHER_TYPES = ("binary", "timestamp", "set", "omap", "pairs")


def merge(base: Mapping, changes: Mapping) -> dict:
    """Return ``base`` with the leaves that ``changes`` names replaced; ``args`` merge as well.

    A changed ``name`` of a model or loss drops the arguments that belonged to the old one.
    """
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        if isinstance(old, str) and isinstance(value, Mapping):
            old = {"name": old}  # the short form of a loss or model
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            if "args" in old and value.get("name", old.get("name")) != old.get("name"):
                old = {inner: each for inner, each in old.items() if inner != "args"}
            merged[key] = merge(old, value)
        else:
            merged[key] = value
    return merged


def read_yaml(path) -> dict:
    """Read a YAML mapping with the safe loader; a repeated key is refused, not overwritten."""
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST + 1)
        text = content.decode("utf-8")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read ({_reason(error)}), expected a YAML file"
        ) from None
    if len(content) > LARGEST:
        raise InputError(f"{path}: is too large, expected at most {LARGEST:,} bytes of YAML")
    content = parse_yaml(str(path), text)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise checks.wrong(str(path), content, "a YAML mapping of settings")
    return content


def parse_yaml(name: str, text: str):
    """Return what YAML (or JSON) text says; ``name`` is where it comes from, for the message.

    Values are those of JSON: numbers, so 1e-3 is one, and a date is a string. An alias may neither
    stand within its anchor nor blow up the whole, and text is Unicode without the character U+0000,
    which no path can hold.

    Example:
        >>> parse_yaml("--set", "[1e-3, 2026-01-31]")
        [0.001, '2026-01-31']
    """
    try:
        return yaml.load(text, Loader=_StrictLoader)  # nosec B506 # a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        problem = getattr(error, "problem", None) or "not YAML"
        raise InputError(f"{where}: {problem}, expected YAML") from None
    # What tags such as `!!int` and `!!bool` make PyYAML raise on other text.
    except (ValueError, LookupError, AttributeError, RecursionError):
        raise InputError(f"{name}: got {checks.show(text)}, expected YAML") from None


class _StrictLoader(yaml.SafeLoader):
    """Safe loading with the numbers of YAML 1.2, that refuses a key standing twice."""

    yaml_implicit_resolvers = {
        first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    yaml_constructors = {
        tag: construct
        for tag, construct in yaml.SafeLoader.yaml_constructors.items()
        if tag not in [f"tag:yaml.org,2002:{each}" for each in _OTHER_TYPES]
    }

    def get_single_node(self):
        node = super().get_single_node()
        if node is not None:
            _size(node, {})
        return node

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue  # `<<: *anchor`, whose keys may be given anew
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, (str, int, float)) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key if isinstance(key, (str, int, float)) else id(key))
        return super().construct_mapping(node, deep=deep)


_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def _size(node: yaml.Node, sizes: dict[int, int | None]) -> int:
    """Return the characters and values of a node with its aliases written out.

    Args:
        node: that is looked at.
        sizes: those of the nodes so far; None of those it stands within.
    """
    if id(node) not in sizes:
        sizes[id(node)] = None
        if isinstance(node, yaml.ScalarNode):
            size = len(node.value)
            if not _is_text(node.value):
                raise _refused("text with U+0000 or half a surrogate pair", node)
        elif isinstance(node, yaml.MappingNode):
            size = sum(_size(each, sizes) for pair in node.value for each in pair)
        else:
            size = sum(_size(each, sizes) for each in node.value)
        sizes[id(node)] = size + 1
        if size >= LARGEST:
            raise _refused(f"more than {LARGEST:,} characters and values with aliases", node)
    size = sizes[id(node)]
    if size is None:
        raise _refused("an alias within its anchor", node)
    return size


def _is_text(value: str) -> bool:
    # Half a pair from U+DC80 on stands for a byte of a path that is not UTF-8.
    return not re.search("[\0\ud800-\udc7f\udd00-\udfff]", value)


def _refused(problem: str, node: yaml.Node) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
