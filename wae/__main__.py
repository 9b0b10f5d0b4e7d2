"""``python -m wae``: the same as the command ``wae``."""

import sys

from wae.cli import main

if __name__ == "__main__":
    sys.exit(main())
