"""Pictures of mails are PNG files."""

import struct

from ml.charts.pictures import trend_picture


def test_a_picture_is_a_png_of_twice_the_width_of_a_mail_at_most() -> None:
    days = ["2013-03-01", "2013-03-02", "2013-03-05"]
    png = trend_picture("ROC AUC", days, [0.7, 0.6, 0.5], references={"threshold 0.68": 0.68}, interval=(0.45, 0.55))
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    assert (width, height) == (960, 360)
    assert len(png) < 60_000
