"""Events, labels and rejections, as they are read."""
