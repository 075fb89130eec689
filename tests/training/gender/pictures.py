"""Folders of small pictures that no face is needed for: women are red in them, men blue."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"female": (200, 60, 60), "male": (60, 60, 200)}


def picture(file: Path, colour: tuple[int, int, int], seed: int, side: int = 48) -> Path:
    """A noisy picture with a pattern of its own in this colour."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(-50, 50, (6, 6, 1)).repeat(side // 6, 0).repeat(side // 6, 1)
    noise = rng.integers(-10, 10, (side, side, 3))
    pixels = np.clip(np.array(colour) + coarse + noise, 0, 255).astype(np.uint8)
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)
    return file


def folders(root: Path, **parts: int) -> Path:
    """`root/PART/{female,male}/`, so many pictures in each; without parts `root/{female,male}`."""
    for place, (part, count) in enumerate(parts.items()):
        for offset, (gender, colour) in enumerate(COLOURS.items()):
            folder = root / gender if part == "all" else root / part / gender
            for number in range(count):
                seed = 1000 * place + 500 * offset + number
                picture(folder / f"{part}{gender}{number}.png", colour, seed)
    return root
