"""From files to a network: data -> Batch -> tasks -> models -> loss -> callbacks."""
