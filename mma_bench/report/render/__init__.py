"""Tables as text, CSV, Markdown and LaTeX, pages as HTML, and tables as files."""
