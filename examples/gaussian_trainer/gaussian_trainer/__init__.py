"""A trainer for Model Studio: linear regression that knows how sure it is."""
