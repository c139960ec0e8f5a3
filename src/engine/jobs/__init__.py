"""Many runs: seeds, trials, and the machine that they share."""
