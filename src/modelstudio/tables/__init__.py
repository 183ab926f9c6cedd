"""What a table says: the types of its columns, how its values are read, and the files it is in."""
