"""Streams of clips and streams that the builder makes: below `verify`, `assemble`, `package` and `hydrate`."""
