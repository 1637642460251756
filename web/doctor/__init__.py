"""`dibs doctor`: looks at all that a dibs stands on and says, line by line, what is well, what is not, and what to do about it.

    environment   the Python, the packages and their compiled parts
    limit         how many files may be open
    secret        what signs the tokens
    directory     the data directory
    store         the server below, by way of `storage` (nothing else here imports that)
    door          what users reach by --url, the proxy before it included

Nothing is changed, with two exceptions that harm nobody: a socket that says no hello at the door, and the key of the pulse in Redis.
"""
