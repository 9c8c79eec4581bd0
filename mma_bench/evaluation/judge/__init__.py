"""The optional judge: a language model that reads the answers which no rule of the parser could, off by default."""
