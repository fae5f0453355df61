"""`python -m linkd` and the console script."""

import sys

from linkd.cli import main

if __name__ == "__main__":
    sys.exit(main())
