"""Rows of CSV and Parquet files as typed Arrow tables, for the scripts.

`read`: a file as a table, and the columns that are left out.
`csv_format`: encoding and delimiter of a CSV file.
`columns`: types of columns of text, and their missing values.
"""
