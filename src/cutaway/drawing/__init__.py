"""How figures look: sheets measured in inches, charts, colours. Matplotlib is imported when the first one is drawn."""
