"""The people a practice cares for."""
