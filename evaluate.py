"""Score finished runs: ``python evaluate.py saved_models/RUN [saved_models/OTHER ...]``."""

import sys

from imbalance.commands import evaluate, options

if __name__ == "__main__":
    sys.exit(options.run(evaluate.main))
