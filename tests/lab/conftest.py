"""Its place makes `tiny` and `synthetic` importable from the folders below."""
