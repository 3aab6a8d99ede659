"""`python -m sssam.lab.cli`."""

import sys

from sssam.lab.cli import main

sys.exit(main())
