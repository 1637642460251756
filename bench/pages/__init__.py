"""What the pages of dibs weigh and how fast they are, measured in a real browser."""
