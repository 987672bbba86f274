"""Checks a page with axe-core: WCAG 2.2, levels A and AA, and axe's best practices."""

from collections.abc import Iterator
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
# The other rules do not look at colours.
RULES_OF_COLORS = ("color-contrast", "link-in-text-block")
GRAVE = ("serious", "critical")

# Only the rule about the orientation of the screen needs the style sheets, which axe-core copies to
# inline styles. The policy of the site refuses those.
_OPTIONS = {"resultTypes": ["violations"], "preload": False}


def findings(page: Page) -> list[str]:
    """Return a sentence for each serious or critical finding in the page's present colours."""
    results = Axe().run(page, options={**_OPTIONS, "runOnly": list(RULES)})
    return list(_grave(results.response))


def findings_of_colors(page: Page) -> list[str]:
    """Return the findings of the rules about colours. `findings` has to have run on the page."""
    options = {**_OPTIONS, "runOnly": list(RULES_OF_COLORS)}
    return list(_grave(page.evaluate("options => axe.run(options)", options)))


def _grave(response: dict[str, Any]) -> Iterator[str]:
    for violation in response["violations"]:
        if violation["impact"] in GRAVE:
            for node in violation["nodes"]:
                target = " ".join(map(str, node["target"]))
                yield f"{violation['id']} ({violation['impact']}): {target}: {node['html'][:200]}"
