"""Serving: the exported SavedModel."""
