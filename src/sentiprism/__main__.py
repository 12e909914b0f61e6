"""``python -m sentiprism``, the command line where its script is not on the path."""

import sys

from sentiprism.cli import main

sys.exit(main())
