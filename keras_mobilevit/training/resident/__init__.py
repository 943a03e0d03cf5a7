"""Training images that stay on the device, as bytes."""
