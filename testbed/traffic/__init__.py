"""Generated traffic: the events of producers, and the effect that each must have."""
