"""The same bits however often a run was stopped: order, seeds, the safe moment."""
