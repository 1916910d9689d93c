"""Times ckpt-gpu and its peers on the same work, in turns; scripts/bench is the command."""
