# SPDX-License-Identifier: Apache-2.0
"""From a user's function to the text of one kernel: what it has captured, how it is read, how that is written down.

Imported by the entry points alone; what it makes is a `_program.Program`.
"""
