"""From one event to the facts that it states."""
