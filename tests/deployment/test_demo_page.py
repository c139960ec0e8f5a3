"""The page as it is sent."""

import base64
import hashlib
import html
import json
import re

from src.deployment.demo_page import content_policy, demo_page


def test_page_holds_what_it_is_about() -> None:
    page = demo_page("A<B", "made by us", ["cat", 'the "dog"'])
    assert "{{" not in page
    assert "A&lt;B" in page
    assert "made by us" in page
    assert html.escape(json.dumps(["cat", 'the "dog"'])) in page
    assert "Draw a picture" in page
    assert "Draw a picture" in demo_page("", "", ["1", "x"])
    assert "Draw a picture" in demo_page("", "", ["1", "22"])
    assert "Draw a digit" in demo_page("MNIST", "", [*"0123456789"])
    assert 'data-pen="yes"' in page


def test_what_no_hand_draws_is_shown() -> None:
    page = demo_page("SVHN", "", [*"0123456789"], drawn=False)
    assert "Show a picture" in page
    assert "Draw a" not in page
    assert 'data-pen="no"' in page


def test_page_asks_for_nothing_else() -> None:
    page = demo_page("MNIST", "", [*"01"])
    assert not re.search(r"https?:|//[a-z]+\.|@import|url\(|style=| on\w+=", page)


def test_policy_allows_own_script_alone() -> None:
    digest = base64.b64encode(hashlib.sha256(b"go()").digest()).decode()
    style = base64.b64encode(hashlib.sha256(b"a{}\nb{}").digest()).decode()
    assert content_policy("<style>a{}\nb{}</style><script>go()</script>") == (
        f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{digest}'; "
        "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
