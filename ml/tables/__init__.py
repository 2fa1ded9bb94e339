"""Rows of files and data frames as typed Arrow tables, for the scripts and notebooks.

`read`: a file as a table, and the columns that are left out.
`frames`: a data frame in memory as a table.
`csv_format`: encoding and delimiter of a CSV file.
`columns`: types of columns of text, and their missing values.
"""
