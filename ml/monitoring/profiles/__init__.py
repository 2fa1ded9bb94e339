"""Small, mergeable summaries of columns; everything downstream of the lake reads them instead of rows.

`build`: profiles of raw rows, in bounded memory and in parallel.
`pieces`: raw rows in pieces of bounded size.
`columns`: the profile of one column, whole or by group.
`arrays`: Arrow columns as plain arrays.
`numeric`: the profile of a numeric column.
`categorical`: the profile of a categorical column.
`moments`: mean and sum of squared deviations.
`knots`: the knots of an empirical CDF.
`cdf`: evaluation and merging of empirical CDFs.
`table`: the profiles of all columns of some rows.
`missing`: missing and non-finite values as columns of their own.
`encoding`: table profiles as bytes.
"""
