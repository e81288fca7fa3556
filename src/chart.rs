//! Pictures of a summary: SVG with text as paths, and PNG, with the fonts in this binary alone.
