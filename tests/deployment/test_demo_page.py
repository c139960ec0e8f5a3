"""The page as it is sent."""

import base64
import hashlib
import re

from src.deployment.demo_page import content_policy, demo_page


def test_page_holds_what_it_is_about() -> None:
    page = demo_page("A<B", "made by us", ["cat", 'the "dog"'])
    assert "{{" not in page
    assert "A&lt;B" in page
    assert "Draw a picture" in page
    assert "Draw a digit" in demo_page("MNIST", "", [*"0123456789"])


def test_page_asks_for_nothing_else() -> None:
    page = demo_page("MNIST", "", [*"01"])
    assert not re.search(r"https?:|//[a-z]+\.|@import|url\(|style=| on\w+=", page)


def test_policy_allows_own_script_alone() -> None:
    digest = base64.b64encode(hashlib.sha256(b"go()").digest()).decode()
    policy = content_policy("<style>a{}</style><script>go()</script>")
    assert policy.startswith("default-src 'none'; ")
    assert f"script-src 'sha256-{digest}';" in policy
    assert "unsafe" not in policy
