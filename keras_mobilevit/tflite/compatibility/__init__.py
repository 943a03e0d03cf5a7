"""Files for older runtimes, and how they fare there."""
