"""How long large data sets take to open, and what memory they need."""
