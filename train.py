"""Train a text classifier on imbalanced labels: ``python train.py --loss dice_loss``."""

import sys

from imbalance.commands import options, train

if __name__ == "__main__":
    sys.exit(options.run(train.main))
