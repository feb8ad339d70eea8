"""What axe-core, the accessibility checker, finds wrong on a page that is open in a browser."""

from axe_playwright_python.base import AXE_SCRIPT

FOUND = """([of, rules]) => axe.run(of, { resultTypes: ["violations"], ...(rules && { runOnly: rules }) }).then(found =>
    found.violations.map(v => `${v.impact}: ${v.help}: ${v.nodes.slice(0, 3).map(n => n.html.slice(0, 150))}`))"""


def wrong(page, of=":root", rules=None):
    """Each rule broken in what `of` chooses, with its first places; rules: names of those that are asked, else all."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE_SCRIPT)
    return page.evaluate(FOUND, [of, rules])
