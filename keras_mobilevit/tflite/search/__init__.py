"""Which layers stay float, found by trying."""
