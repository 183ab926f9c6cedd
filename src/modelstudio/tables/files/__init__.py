"""Reads and writes files of tables: CSV, spreadsheets and Parquet, rows in the file's order."""
