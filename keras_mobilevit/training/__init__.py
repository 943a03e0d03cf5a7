"""Training: recipes as data, an input pipeline, and the loop that runs them."""
