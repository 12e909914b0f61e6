"""``sentiprism`` and ``python -m sentiprism``: an interrupt while modules are imported leaves no traceback."""

import os
import sys


def main() -> int:
    """Run the command line and return its exit status."""
    try:
        from sentiprism.cli.main import main as run
    except KeyboardInterrupt:
        os._exit(130)
    return run()


if __name__ == "__main__":
    sys.exit(main())
