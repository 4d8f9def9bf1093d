# SPDX-License-Identifier: Apache-2.0
"""From a `_program.Program` and arrays to results: the two native libraries, the cache, and the memory of every array library.

Imported by the entry points and `bench`; knows nothing of user functions.
"""
