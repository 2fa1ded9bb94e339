"""Speed, measured side by side with others in one run, as CPU and wall seconds with ratios."""
