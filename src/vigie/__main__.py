# SPDX-License-Identifier: Apache-2.0
"""`python -m vigie` is `vigie`."""

import sys

from vigie.cli.main import main

sys.exit(main())
