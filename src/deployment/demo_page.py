"""The page of the demo, and what a browser may do on it."""

import base64
import hashlib
import html
import importlib.resources
import json
import re
from collections.abc import Sequence

from src.engine.console.printable import printable


def demo_page(title: str, about: str, class_names: Sequence[str], drawn: bool = True) -> str:
    """Fill the page with what it is about.

    Args:
        title: Name of the data set.
        about: What was trained, in a line.
        class_names: Names of the K classes.
        drawn: Whether it makes sense to draw a picture by hand, and not only to show one.

    Returns:
        HTML without a reference to anything else.
    """
    digits = all(len(name) == 1 and name.isdigit() for name in class_names)
    page = importlib.resources.files("src.deployment").joinpath("demo.html").read_text("utf-8")
    for name, text in {
        "title": title,
        "about": about,
        "task": f"Draw a {'digit' if digits else 'picture'}" if drawn else "Show a picture",
        "pen": "yes" if drawn else "no",
        "names": json.dumps(list(class_names)),
    }.items():
        page = page.replace(f"{{{{{name}}}}}", html.escape(printable(text)))
    return page


def content_policy(page: str) -> str:
    """Allow a page its own style and script, and requests to its own server; nothing else.

    Args:
        page: HTML with one style and one script.

    Returns:
        Value of the header `Content-Security-Policy`.
    """
    digests = {}
    for tag in ("style", "script"):
        inner = "".join(re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL))
        digest = base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
        digests[tag] = f"{tag}-src 'sha256-{digest}'"
    return (
        f"default-src 'none'; {digests['style']}; {digests['script']}; img-src data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
