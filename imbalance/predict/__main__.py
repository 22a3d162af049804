"""``python -m imbalance.predict``: see :mod:`imbalance.predict.command`."""

import signal
import sys

from imbalance.predict.command import main

if __name__ == "__main__":
    # A request to end cleans up, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main())
