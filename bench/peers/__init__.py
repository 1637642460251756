"""Small servers of other stacks, and what puts dibs beside them. `make bench-peers`.

None of them claims, numbers, fences, resumes or dedupes; they keep a history in Redis before they acknowledge, and pass messages on.
"""
