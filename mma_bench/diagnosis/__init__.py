"""Why a model answers as it does, seen from inside: attention, interventions and hidden states by group of tokens."""
