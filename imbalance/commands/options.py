"""What the commands share: ``key=value`` arguments, and errors as one line."""

import os
import sys
from collections.abc import Callable, Sequence

from imbalance.checks import InputError, Interrupted
from imbalance.config import parse_yaml


def key_values(flag: str, items: Sequence[str]) -> dict:
    """Parse repeated ``key=value`` arguments; values are read as YAML.

    Example:
        >>> key_values("--loss-arg", ["gamma=2", "alpha=[0.5, 2.0]"])
        {'gamma': 2, 'alpha': [0.5, 2.0]}
    """
    parsed = {}
    for item in items:
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise InputError(f"{flag}: got {item!r}, expected key=value")
        if key in parsed:
            raise InputError(f"{flag}: {key} is given twice, expected each key once")
        parsed[key] = parse_yaml(f"{flag} {key}", value)
    return parsed


def nested(pairs: dict) -> dict:
    """Turn ``{"data.tokens": "words"}`` into ``{"data": {"tokens": "words"}}``."""
    result: dict = {}
    for path, value in pairs.items():
        *sections, last = path.split(".")
        place = result
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise InputError(f"{path}: got {value!r}, but {section} is given a value as well")
        place[last] = value
    return result


def run(command: Callable[[Sequence[str] | None], int], arguments=None) -> int:
    """Run a command; an :class:`InputError` becomes one line on stderr and exit status 2, or 75 if
    the same command may end well when it is run again.
    """
    # TensorFlow's start-up notes are of no use to the user; its errors are.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        return command(arguments)
    except BrokenPipeError:
        # The reader of our output went away, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return os.EX_TEMPFAIL if isinstance(error, Interrupted) else 2
    except OSError as error:
        if error.filename is None:
            raise
        # A full disk, a folder that cannot be written: no defect of ours either.
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as error:
        print(f"interrupted: {error if error.args else 'no run was written'}", file=sys.stderr)
        return 130
