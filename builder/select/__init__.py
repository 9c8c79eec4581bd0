"""From AudioSet's labels to clips worth verifying: ontology, rules, class-guided filter."""
