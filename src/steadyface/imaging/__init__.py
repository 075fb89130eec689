"""Images in and out: decoding, finding and writing files, geometry; no model knowledge."""
