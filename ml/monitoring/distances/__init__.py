"""Distances between two profiles or two rows of counts, one statistic a file.

The classical p-values of Kolmogorov-Smirnov and of Pearson's χ² are beside their statistics; significance with pooled cells and
design effects, thresholds and states are in `ml.monitoring.verdicts`.

`bins`: cells of numeric columns.
`categories`: cells of categorical columns.
`cells`: cells of columns of either kind.
`shares`: checked and smoothed shares of counts.
`cdf_difference`: the difference of two empirical CDFs.
`psi`: population stability index.
`jensen_shannon`: Jensen-Shannon distance.
`hellinger`: Hellinger distance.
`l_infinity`: L-infinity distance.
`chi_square`: Pearson's χ² test and Cramér's V.
`kolmogorov_smirnov`: Kolmogorov-Smirnov distance and its p-value.
`wasserstein`: Wasserstein distance, raw, normalised and trimmed.
`unseen`: share of rows outside the reference.
"""
