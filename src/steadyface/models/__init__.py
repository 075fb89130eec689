"""Models: the catalog, fetching weights, and the detector and face network that run them."""
