"""What a request is refused with: a code of gRPC, the HTTP status that goes with it, one line."""

import re

_HTTP_STATUS = {
    "INVALID_ARGUMENT": 400,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 503,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    "INTERNAL": 500,
}
_LONGEST = 500

# When a client that found the queue full may come again.
RETRY_SECONDS = 1


class RequestError(Exception):
    """A request that is not answered.

    Args:
        code: the name of a ``grpc.StatusCode``.
        message: what was wrong and what was expected; made one line.

    Example:
        >>> error = RequestError("NOT_FOUND", "no such\\n model")
        >>> error.http_status, str(error)
        (404, 'no such model')
    """

    def __init__(self, code: str, message: str):
        super().__init__(one_line(message))
        self.code = code

    @property
    def http_status(self) -> int:
        """The status of an HTTP answer."""
        return _HTTP_STATUS[self.code]


def wrong(place: str, got: str, expected: str) -> RequestError:
    """Build (not raise) the error of a request that says something wrong at ``place``."""
    return RequestError("INVALID_ARGUMENT", f"{place}: got {got}, expected {expected}")


def one_line(message) -> str:
    """Return a message on one line that a log can hold."""
    # Of a text of megabytes only the beginning is looked at.
    line = " ".join(str(message)[: 4 * _LONGEST].split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def of_tensorflow(error) -> RequestError:
    """Return what an error of TensorFlow means for the request.

    What the graph itself refuses is in the line of its assertion; else the first line says what
    happened, and the others name nodes of the graph.
    """
    code = "INVALID_ARGUMENT" if type(error).__name__ == "InvalidArgumentError" else "INTERNAL"
    message = str(error.message)
    refused = re.search(r"assertion failed: \[(.*)\]", message)
    lines = message.removeprefix("Graph execution error:").strip().splitlines()
    said = refused[1] if refused else next(iter(lines), "")
    return RequestError(code, f"the model refused it: {said}" if said else "the model refused it")
