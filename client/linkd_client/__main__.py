"""``python -m linkd_client``: the same as the command ``linkd-client``."""

import sys

from linkd_client.main import main

sys.exit(main())
