"""How good the answers of models are, on pictures."""
