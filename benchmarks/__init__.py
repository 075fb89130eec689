"""Programs that measure steadyface beside named peers; results are committed in `results/`."""
