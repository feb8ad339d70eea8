"""Tables, images and sequences -> arrays: reading them, encoders with state that is plain JSON, targets, splits."""

from .encoder import TableEncoder
from .forecasting import Windows, forecast_split, windows
from .image_encoder import ImageEncoder
from .images import Images, holds_images, read_images
from .reading import read_table
from .recordings import read_recordings
from .sequence_encoder import SequenceEncoder
from .series import Series, from_long_table
from .splits import split
from .targets import TargetEncoder, drop_missing
from .ts_files import read_ts
from .tsf_files import read_tsf
from .wide_tables import from_wide_table

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
    "from_wide_table",
    "holds_images",
    "read_images",
    "read_recordings",
    "read_table",
    "read_ts",
    "read_tsf",
    "split",
    "windows",
]
