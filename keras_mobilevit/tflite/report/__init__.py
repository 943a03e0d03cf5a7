"""One page on a quantized file: tables, plots, the noisiest operations."""
