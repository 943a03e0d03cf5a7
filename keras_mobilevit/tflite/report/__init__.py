"""One page on a quantized file: tables, plots, culprits."""
