"""Model Studio: pick a trainer, map a dataset's columns, launch a run, get a versioned model."""

__version__ = "0.1.0"
