"""Several real nodes on one Redis: what one of them writes, and the others must show."""
