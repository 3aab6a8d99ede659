"""What a study is: its file, variants, grids and seeds; tuning, conducting the whole."""
