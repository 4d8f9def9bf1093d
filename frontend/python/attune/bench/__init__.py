# SPDX-License-Identifier: Apache-2.0
"""`python -m attune.bench` compares attention variants with torch's own. Nothing in the package imports it."""
from .measure import main as main
