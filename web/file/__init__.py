"""Files: how they come, what they are, who may read them, and for how long an address is good."""
