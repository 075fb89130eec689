"""How figures fall by kind and severity of distortion: measured, kept, compared, reported."""
