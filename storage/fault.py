"""Why storage cannot start, or its data cannot be copied, as one line for people."""


class StorageStartError(Exception):
    """Storage cannot be used as it is: one line without any password, exit status 1."""


class BadUrl(ValueError):
    """The URL of --redis cannot be used; the sentence never repeats it, because it may hold a password."""


class CopyError(Exception):
    """A backup cannot be made or taken back: one line, exit status 1."""
