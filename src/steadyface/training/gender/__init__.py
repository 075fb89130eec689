"""Trains a gender classifier on one's own folders: `steadyface train gender`."""
