"""What the segmentation of a COCO annotation must fulfil."""

from typing import List

from split_rules import SplitError

# Outlines drawn by hand may end a little outside of their image.
SLACK = 5


def check_segmentation(shape: object, height: int, width: int) -> None:
    """Refuse a segmentation that cannot be one of the image."""
    if isinstance(shape, dict):
        check_run_lengths(shape, height, width)
    elif isinstance(shape, list) and shape:
        for polygon in shape:
            check_polygon(polygon, height, width)
    else:
        raise SplitError('the segmentation holds neither polygons nor run '
                         'lengths')


def check_polygon(polygon: object, height: int, width: int) -> None:
    """Refuse what is no polygon or lies outside of the image."""
    if not isinstance(polygon, list) or len(polygon) < 6 or len(
            polygon) % 2 or not set(map(type, polygon)) <= {int, float}:
        raise SplitError('a polygon of the segmentation is not x1, y1, x2, '
                         'y2, x3, y3, ...')
    sides = (('x', polygon[::2], width), ('y', polygon[1::2], height))
    for axis, values, size in sides:
        low, high = min(values), max(values)
        if low < -SLACK or high > size + SLACK:
            raise SplitError(
                f'the segmentation has {axis} from {low} to {high}, but the '
                f'image is {width} wide and {height} high')


def check_run_lengths(shape: dict, height: int, width: int) -> None:
    """Refuse run lengths of another size.

    pycocotools would fill what is lacking with chance memory.
    """
    if shape.get('size') != [height, width]:
        raise SplitError(f'the segmentation is of size {shape.get("size")!r}, '
                         f'but the image of {[height, width]} (height, width)')
    counts = shape.get('counts')
    if isinstance(counts, str):
        counts = unpack_counts(counts)
    if not isinstance(counts, list) or not all(
            type(count) is int and count >= 0 for count in counts):
        raise SplitError('the run lengths of the segmentation are not counts '
                         'of pixels')
    if sum(counts) != height * width:
        raise SplitError(
            f'the run lengths of the segmentation cover {sum(counts)} pixels, '
            f'but the image has {height * width}')


def unpack_counts(text: str) -> List[int]:
    """Run lengths from COCO's compressed form.

    Five bits a character, the lowest first, bit 6 telling that more follow;
    from the fourth on a number is the difference to the last but one.
    """
    counts: List[int] = []
    value = shift = 0
    for character in text:
        code = ord(character) - 48
        value |= (code & 31) << shift
        shift += 5
        if not 0 <= code < 64:
            raise SplitError('the compressed run lengths of the segmentation '
                             f'hold {character!r}')
        if code & 32:
            continue
        if code & 16:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    if shift:
        raise SplitError('the compressed run lengths of the segmentation end '
                         'within a number')
    return counts
