"""Pictures of a run. Only these modules import matplotlib."""
