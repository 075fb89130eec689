"""From comparison scores to decisions: thresholds at a stated FMR, templates, 'unknown'."""
