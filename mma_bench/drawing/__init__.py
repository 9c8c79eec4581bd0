"""How every figure is drawn: one style, panels as SVG and as files, and bars. Scores and reports draw with it."""
