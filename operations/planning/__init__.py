"""How many workers, processes, connections and units a rate of events needs, and what it costs."""
