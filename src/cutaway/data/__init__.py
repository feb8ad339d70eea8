"""Tables and images -> arrays: reading them, encoders with state that is plain JSON, targets, splitting rows."""

from cutaway.data.encoder import TableEncoder
from cutaway.data.image_encoder import ImageEncoder
from cutaway.data.images import Images, holds_images, read_images
from cutaway.data.reading import read_table
from cutaway.data.splits import split
from cutaway.data.targets import TargetEncoder, drop_missing

__all__ = [
    "ImageEncoder",
    "Images",
    "TableEncoder",
    "TargetEncoder",
    "drop_missing",
    "holds_images",
    "read_images",
    "read_table",
    "split",
]
