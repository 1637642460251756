"""The first layout of the data (`storage.key.VERSION` 1), as a node of then reads and writes it; not changed once a version is tagged.

    append.lua.txt   the script as it was: it makes a node of today one of then (`tests.cluster.version` has it called as it was)
    data.jsonl       a small mall, a key a line: name, type, content
    told.json        what a client is told of it

`python -m tests.cluster.first.keep` writes all of it from the code of the day, for as long as nothing is tagged.
"""
