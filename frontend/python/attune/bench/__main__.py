# SPDX-License-Identifier: Apache-2.0
"""`python -m attune.bench` begins here."""
import sys

from .measure import main

sys.exit(main())
