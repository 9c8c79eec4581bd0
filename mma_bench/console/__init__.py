"""What all our command lines share: the group of commands, options, progress, interruption, dry runs."""
