"""YAML mappings, read by the safe loader and more strictly than it does."""

import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from imbalance import checks
from imbalance.checks import InputError


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
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read ({_reason(error)}), expected a YAML file"
        ) from None
    content = parse_yaml(str(path), text)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise checks.wrong(str(path), content, "a YAML mapping of settings")
    return content


def parse_yaml(name: str, text: str):
    """Return what YAML (or JSON) text says; ``name`` is where it comes from, for the message.

    Numbers are those of YAML 1.2 and JSON, so 1e-3 is one; a date is a string.

    Example:
        >>> parse_yaml("--set", "[1e-3, 2026-01-31]")
        [0.001, '2026-01-31']
    """
    try:
        return yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        problem = getattr(error, "problem", None) or "not YAML"
        raise InputError(f"{where}: {problem}, expected YAML") from None
    except (ValueError, RecursionError):
        raise InputError(f"{name}: got {checks.show(text)}, expected YAML") from None


class _StrictLoader(yaml.SafeLoader):
    """Safe loading with the numbers of YAML 1.2, that refuses a key standing twice."""

    yaml_implicit_resolvers = {
        first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

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


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
