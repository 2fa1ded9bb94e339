"""Rows of CSV and Parquet files as typed Arrow tables, for the scripts.

`read`: a file as a table, and the columns that are left out.
`text`: encoding and delimiter of a CSV file.
`columns`: types of columns of text, and their missing values.
"""
