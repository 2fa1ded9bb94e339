"""Charts as inline SVG, drawn from plain lists of numbers; pages and reports share them.

Colours come from classes (`charts.css`), so that light, dark and print differ without another drawing. No script is needed:
marks are links, and each has its values in a `title`.

- `bars`: amounts by day, stacked
- `curves`: y by x, such as ROC and calibration
- `distributions`: two distributions of a column over each other
- `gauges`: an amount against its limits
- `lines`: values by day with bands, thresholds and marks
- `pictures`: a number over its newest days as a PNG file, for mails
- `rankings`: names with one amount each
- `scales`: from values and days to coordinates, and their ticks
- `scatters`: points of two amounts each
- `spans`: when parts of a piece of work began, and how long they took
- `sparklines`: a line of a few pixels for a table
- `svg`: elements and attributes
- `timelines`: one cell a day, one row a column: verdicts over time
"""

from pathlib import Path
from typing import Final

STYLE_SHEET: Final = Path(__file__).parent / "charts.css"
