"""Models of ML Guard's training beside those of scikit-learn, LightGBM and CatBoost with their defaults, on public sets.

- `comparison`: the contenders of the project's environment, scores and tables
- `peers`: LightGBM and CatBoost, run by their own interpreter
- `sets`: labelled sets of public packages, and their splits
"""


def run() -> str:
    """Train all contenders on all sets and return the Markdown section."""
    from bench.training import comparison

    return comparison.run()
