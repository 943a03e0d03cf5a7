"""What XNNPACK takes of a file, and what the file needs."""
