"""What stands between those who ask a predictor and the predictor: values are read here."""
