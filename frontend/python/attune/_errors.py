# SPDX-License-Identifier: Apache-2.0
"""Which exceptions leave the package?

All of them are `attune.Error`. Each is also the built-in exception that one would expect, so that a caller may catch
`ValueError` or `TypeError` without knowing this module.
"""


class Error(Exception):
    """Anything that Attune refuses or that fails. Its text is a sentence: what was expected, what was found, the fix."""


class ArgumentError(Error, ValueError):
    """An argument has a wrong value: a shape, a stride, a device, a name."""


class ArgumentTypeError(Error, TypeError):
    """An argument has a wrong type or dtype."""


class CompileError(Error, RuntimeError):
    """The compiler refused a program; the text has its diagnostics."""


class DeviceError(Error, RuntimeError):
    """A device does not exist here, ran out of memory, or its driver failed."""


class NativeError(Error, RuntimeError):
    """The native libraries are missing or do not fit, or have a fault of their own."""
