"""From a float graph to an int8 one: recipes, calibration, quantizer."""
