"""The configuration of Sphinx, which `docsite/__main__.py` runs in the project's root.

The root is also the folder of the sources, so a relative link means the same on the site as on the
page of the repository. A link to a file that is no page, such as a JSON Schema, leads to a copy.
"""

project = "Conversation service"
language = "en"

extensions = [
    "myst_parser",
    "sphinx_external_toc",
    "docsite.diagrams",
    "docsite.screenshots",
]
source_suffix = {".md": "markdown"}
include_patterns = ["*.md", "docs/**.md", "celery_sqs_fifo/README.md"]
# Sphinx walks through all folders that are not excluded.
exclude_patterns = [".*", "results", "var"]

# The navigation is not in the pages, because they are also read in the repository.
external_toc_path = "docsite/navigation.yml"

# The anchors of headings are those that the page of a repository has.
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]

html_theme = "pydata_sphinx_theme"
html_title = project
html_context = {"default_mode": "auto"}
html_static_path = ["static", "../.docsite/node/node_modules/@mermaid-js/tiny/dist"]
html_css_files = ["site.css"]
templates_path = ["templates"]
html_additional_pages = {"index": "index.html"}
html_sidebars = {"**": ["navigation.html"]}
html_show_sourcelink = False
html_copy_source = False
html_use_index = False
html_theme_options = {
    "logo": {"text": project},
    "navbar_center": [],
    "footer_start": [],
    "footer_end": [],
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
}
