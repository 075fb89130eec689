"""Where a face's five points go in the network's input: similarity transforms and warps."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from steadyface.types import Box, FloatArray, RGBImage

#: Side of the aligned crop in pixels.
CROP_SIZE = 112
#: Shrinking by no more than this, bilinear sampling looks at every pixel.
_ALIAS_FREE = 0.5

#: Cuts of an image begin and end at multiples of this many pixels.
_CUT = 64

#: The five points of an aligned 112 x 112 crop (x, y): the eye at the image's left, the eye at
#: its right, nose tip, mouth corners left and right. The positions that ArcFace (Deng et al. 2019)
#: and SFace (Zhong et al. 2021) were trained with.
CROP_LANDMARKS: FloatArray = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ],
    dtype=np.float32,
)
CROP_LANDMARKS.setflags(write=False)


def similarity_transform(source: FloatArray, target: FloatArray) -> NDArray[np.float64]:
    """The least-squares rotation, uniform scale and shift that takes `source` to `target`.

    Args:
        source: N x 2 points (x, y), N >= 2, not all equal.
        target: N x 2 points.

    Returns:
        2 x 3 float64 matrix for `cv2.warpAffine`.

    Raises:
        ValueError: the source points coincide, so no scale is defined.

    Source: Umeyama, "Least-squares estimation of transformation parameters between two point
    patterns", IEEE TPAMI 13(4), 1991, equations 34-43.
    """
    src = np.asarray(source, dtype=np.float64)
    dst = np.asarray(target, dtype=np.float64)
    src_mean, dst_mean = src.mean(axis=0), dst.mean(axis=0)
    src_centred, dst_centred = src - src_mean, dst - dst_mean
    variance = (src_centred**2).sum() / len(src)
    if variance <= np.finfo(np.float64).eps:
        raise ValueError("the points coincide: no similarity transform is defined")
    u, singular, vt = np.linalg.svd(dst_centred.T @ src_centred / len(src))
    sign = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = (u * sign) @ vt
    scale = (singular * sign).sum() / variance
    shift = dst_mean - scale * rotation @ src_mean
    return np.hstack([scale * rotation, shift[:, None]])


def align(
    image: RGBImage,
    landmarks: FloatArray,
    target: FloatArray = CROP_LANDMARKS,
    size: int = CROP_SIZE,
) -> RGBImage:
    """Warp a face so that its five points lie at given places.

    Args:
        image: H x W x 3 uint8.
        landmarks: 5 x 2 (x, y) in pixels of `image`.
        target: 5 x 2 (x, y) in pixels of the result.
        size: side of the result.

    Returns:
        size x size x 3 uint8. What lies outside the image is filled with black.
    """
    matrix = similarity_transform(landmarks, target)
    image, matrix = _shrunk(*_around(image, matrix, size))
    warped = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR)
    return np.asarray(warped, dtype=np.uint8)


def visible_share(
    shape: tuple[int, ...],
    landmarks: FloatArray,
    target: FloatArray = CROP_LANDMARKS,
    size: int = CROP_SIZE,
) -> float:
    """How much of an aligned crop shows the image, 0..1; the rest lies past its edge.

    Args:
        shape: height and width of the image, and whatever follows.
        landmarks: 5 x 2 (x, y) in its pixels.
        target: 5 x 2, where they go in the crop.
        size: side of the crop.
    """
    matrix = similarity_transform(landmarks, target)
    height, width = shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
    image = (corners @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    crop = np.array([[0, 0], [size, 0], [size, size], [0, size]], dtype=np.float32)
    shared, _ = cv2.intersectConvexConvex(image, crop)
    return min(1.0, float(shared) / size**2)


def _around(
    image: RGBImage, matrix: NDArray[np.float64], size: int
) -> tuple[RGBImage, NDArray[np.float64]]:
    """The part of a large image that the crop is made of: the rest costs time to shrink.

    It is cut along a grid, so that shrinking it averages the same pixels as that of the image.
    """
    corners = np.array([[-1, -1], [size, -1], [size, size], [-1, size]], dtype=np.float64)
    back = cv2.invertAffineTransform(matrix)
    places = corners @ back[:, :2].T + back[:, 2]
    height, width = image.shape[:2]
    margin = 2.0 + float(np.ptp(places, axis=0).max()) / size
    low = np.floor((places.min(axis=0) - margin) / _CUT) * _CUT
    high = np.ceil((places.max(axis=0) + margin) / _CUT) * _CUT
    left, top = (int(v) for v in np.clip(low, 0, (width - 1, height - 1)) // _CUT * _CUT)
    right, bottom = (int(v) for v in np.clip(high, (left + 1, top + 1), (width, height)))
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ (left, top)
    return image[top:bottom, left:right], moved


def _shrunk(image: RGBImage, matrix: NDArray[np.float64]) -> tuple[RGBImage, NDArray[np.float64]]:
    """Average a large face down first: bilinear sampling alone would skip pixels and alias."""
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale >= _ALIAS_FREE:
        return image, matrix
    height, width = image.shape[:2]
    size = (max(1, round(width * scale / _ALIAS_FREE)), max(1, round(height * scale / _ALIAS_FREE)))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    across, down = width / size[0], height / size[1]
    # cv2.resize keeps the picture's edges in place, so the middle of the first pixel moves.
    enlarge = np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]])
    return small, matrix @ enlarge


def centre_square(height: int, width: int, share: float = 1.0) -> Box:
    """A square in the middle of an image of this size, in pixels.

    Args:
        height: of the image.
        width: of the image.
        share: the square's side over the image's shorter side, 0..1.
    """
    side = share * min(height, width)
    return Box((width - side) / 2, (height - side) / 2, side, side)


def crop_square(image: RGBImage, square: Box, size: int = CROP_SIZE) -> RGBImage:
    """Cut a square out of an image and bring it to a size.

    Args:
        image: H x W x 3 uint8.
        square: in pixels of `image`, wholly inside it.
        size: side of the result.

    Returns:
        size x size x 3 uint8; averaged where it shrinks, interpolated where it grows.
    """
    x, y, side = int(square.x), int(square.y), max(1, int(square.width))
    cut = image[y : y + side, x : x + side]
    interpolation = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    resized = cv2.resize(cut, (size, size), interpolation=interpolation)
    return np.asarray(resized, dtype=np.uint8)


def eye_distance(landmarks: FloatArray) -> float:
    """Distance between the two eye points, in pixels."""
    return float(np.linalg.norm(landmarks[1] - landmarks[0]))


#: Side of the square taken as the face crop, as a share of the image's shorter side, where no face
#: was found: between what suits a frame with a face in it and a loose face crop, whichever it is.
#: Chosen by measurement on free images, see docs/decisions.md.
ASSUMED_SHARE = 0.65


def assumed_square(height: int, width: int, zoom: float = 1.0) -> Box:
    """The square taken as a face crop in an image of this size when none was detected.

    Args:
        height: of the image.
        width: of the image.
        zoom: how large the face is in the crop against the usual one.
    """
    return centre_square(height, width, min(1.0, ASSUMED_SHARE / zoom))
