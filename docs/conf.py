"""Settings of the documentation site; `make docs` builds it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from sentiprism import __version__

project = "sentiprism"
author = "the sentiprism authors"
project_copyright = author
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "generated_pages", "mathml", "source_pages"]
exclude_patterns = ["_build", "_ext", "_results_notes.md"]
default_role = "literal"  # docstrings write `name` for code

myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3
myst_all_links_external = False
myst_links_external_new_tab = False

html_theme = "furo"
html_title = f"sentiprism {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False
html_math_renderer = "mathml"  # MathJax would be fetched from another site

autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
maximum_signature_line_length = 80
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
pygments_style = "default"

nitpicky = False
suppress_warnings = ["config.cache"]
linkcheck_timeout = 20
linkcheck_retries = 2
