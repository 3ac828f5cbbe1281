"""An image that an owner uploads as the poster: checked, decoded, converted to sRGB."""
