"""A Sphinx extension that shows Mermaid diagrams.

A page with a diagram loads Mermaid from the site itself. Without JavaScript the page shows the
diagram's text.
"""

from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

SCRIPTS = ("mermaid.tiny.js", "diagrams.js")


class Diagram(nodes.General, nodes.Element):
    """A diagram, with its text."""


class DiagramDirective(SphinxDirective):
    """A code block of the language `mermaid`."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the diagram."""
        return [Diagram(text="\n".join(self.content))]


def _write(translator: Any, node: Diagram) -> None:
    translator.body.append(f'<pre class="mermaid">{escape(node["text"])}</pre>\n')
    raise nodes.SkipNode


def _add_scripts(
    app: Sphinx, _page: str, _template: str, _context: dict[str, Any], tree: nodes.document | None
) -> None:
    if tree and tree.next_node(Diagram):
        for script in SCRIPTS:
            app.add_js_file(script, loading_method="defer")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension with Sphinx."""
    app.add_node(Diagram, html=(_write, None))
    app.add_directive("mermaid", DiagramDirective)
    app.connect("html-page-context", _add_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
