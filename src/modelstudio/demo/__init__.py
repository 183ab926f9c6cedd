"""`modelstudio demo`: the main job on a real table, through the official client."""
