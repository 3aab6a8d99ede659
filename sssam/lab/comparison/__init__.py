"""Records in, one `Comparison` of typed numbers out; the words about it are the report's."""
