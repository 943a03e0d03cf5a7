"""How fast a training step is, and what memory it takes, beside others."""
