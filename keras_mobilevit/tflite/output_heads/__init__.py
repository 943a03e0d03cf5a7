"""What a file ends in, from the bare heads of a network to boxes and masks."""
