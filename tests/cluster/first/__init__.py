"""The first layout of the data (`storage.key.VERSION` 1), as a node of then reads and writes it; not changed once a version is tagged.

    append.lua.txt, batch.py.txt   the script and what calls it, as they were: they make a node of today one of then
    data.jsonl                     a small mall, a key a line: name, type, content
    told.json                      what a client is told of it

`python -m tests.cluster.first.keep` writes all of it from the code of the day, for as long as nothing is tagged.
"""
