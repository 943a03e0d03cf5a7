"""Files for older runtimes."""
