"""Where a quantized file departs from its float file."""
