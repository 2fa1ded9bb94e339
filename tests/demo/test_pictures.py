"""The tour of the pages: an animation of its pictures, and the one in the README shows each page once."""

from pathlib import Path

from PIL import Image

from demo.pictures import _FOLDER, _PAGES, write_tour


def test_a_tour_shows_each_picture_for_its_time_and_repeats(tmp_path: Path) -> None:
    colours = ["red", "green", "blue"]
    write_tour([Image.new("RGB", (8, 5), colour).quantize(4) for colour in colours], tmp_path / "tour.gif")
    with Image.open(tmp_path / "tour.gif") as tour:
        assert (tour.size, tour.n_frames, tour.info["loop"]) == ((8, 5), 3, 0)  # type: ignore[attr-defined]
        assert tour.info["duration"] == 2_000


def test_the_tour_of_the_readme_has_the_picture_of_each_page() -> None:
    assert {path.stem for path in _FOLDER.glob("*.png")} == set(_PAGES)
    with Image.open(_FOLDER / "tour.gif") as tour:
        assert tour.n_frames == len(_PAGES)  # type: ignore[attr-defined]
