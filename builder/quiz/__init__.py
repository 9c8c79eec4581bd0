"""`quiz`: a page that asks a person the benchmark's questions; the answers form an ordinary run, `people:NAME`."""
