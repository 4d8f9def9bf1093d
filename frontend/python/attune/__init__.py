# SPDX-License-Identifier: Apache-2.0
"""Attention variants as Python functions, compiled."""
