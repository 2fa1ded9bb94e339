"""The pictures of the docs: the tour shows each page once, and each picture is small and in a page."""

import re
from pathlib import Path

import pytest
from PIL import Image

from demo.pictures import _FOLDER, _PAGES, _TOOLS, _WIDTH, write_tour
from tests.support.paths import ROOT

MAX_BYTES = 150_000


def test_a_tour_shows_each_picture_for_its_time_and_repeats(tmp_path: Path) -> None:
    colours = ["red", "green", "blue"]
    write_tour([Image.new("RGB", (8, 5), colour).quantize(4) for colour in colours], tmp_path / "tour.gif")
    with Image.open(tmp_path / "tour.gif") as tour:
        assert (tour.size, tour.n_frames, tour.info["loop"]) == ((8, 5), 3, 0)  # type: ignore[attr-defined]
        assert tour.info["duration"] == 2_000


def test_the_tour_of_the_readme_has_the_picture_of_each_page() -> None:
    assert {path.stem for path in _FOLDER.glob("*.png")} == {*_PAGES, *_TOOLS}
    with Image.open(_FOLDER / "tour.gif") as tour:
        assert tour.n_frames == len(_PAGES)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", [*_PAGES, *_TOOLS])
def test_each_picture_is_small_and_shown_or_linked_with_a_text(name: str) -> None:
    path = _FOLDER / f"{name}.png"
    assert path.stat().st_size <= MAX_BYTES
    with Image.open(path) as picture:
        assert picture.width == _WIDTH
        assert len(picture.convert("RGB").getcolors(_WIDTH * picture.height) or ()) > 10, "the picture is blank"
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    assert re.search(rf"\[[^\]]{{3,}}\]\((?:docs/)?images/{name}\.png\)", text), "no page shows the picture"
