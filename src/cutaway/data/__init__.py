"""Tables, images and sequences -> arrays: reading them, encoders with state that is plain JSON, targets, splits."""

from cutaway.data.encoder import TableEncoder
from cutaway.data.forecasting import Windows, forecast_split, windows
from cutaway.data.image_encoder import ImageEncoder
from cutaway.data.images import Images, holds_images, read_images
from cutaway.data.reading import read_table
from cutaway.data.sequence_encoder import SequenceEncoder
from cutaway.data.series import Series, from_long_table
from cutaway.data.splits import split
from cutaway.data.targets import TargetEncoder, drop_missing
from cutaway.data.ts_files import read_ts

__all__ = [
    "ImageEncoder",
    "Images",
    "SequenceEncoder",
    "Series",
    "TableEncoder",
    "TargetEncoder",
    "Windows",
    "drop_missing",
    "forecast_split",
    "from_long_table",
    "holds_images",
    "read_images",
    "read_table",
    "read_ts",
    "split",
    "windows",
]
