"""HTML pages as a browser reads them: what they load from elsewhere, and what they run."""

import re

from bs4 import BeautifulSoup

_LOADING_TAGS = ("script", "link", "img", "iframe", "object", "embed", "base", "form", "video", "audio")


def foreign_parts(page: str) -> list[str]:
    """Return the parts of a page that run a script or refer to something outside of it."""
    soup = BeautifulSoup(page, "html.parser")
    tags = [str(tag)[:200] for tag in soup.find_all(_LOADING_TAGS)]
    attributes = [
        f"{name}={value}"
        for tag in soup.find_all(True)
        for name, value in tag.attrs.items()
        if name.startswith("on") or (name in {"href", "src", "xlink:href"} and not str(value).startswith("#"))
    ]
    styles = [match for style in soup.find_all("style") for match in re.findall(r"@import|url\(", style.get_text())]
    return [*tags, *attributes, *styles]
