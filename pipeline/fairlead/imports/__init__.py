"""Results of other tools, as submissions marked imported. Each tool has a module; none knows another."""
