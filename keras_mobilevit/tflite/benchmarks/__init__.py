"""How fast files are, and what they need to start."""
