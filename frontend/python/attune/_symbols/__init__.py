# SPDX-License-Identifier: Apache-2.0
"""What a user's function gets in place of indices, scores and captured arrays, and what can be done with it.

Imported by `_tracing` and the entry points; knows neither where text comes from nor how it runs.
"""
