"""What a study is: its file, rows, grids and seeds; choosing among grids, conducting the whole."""
