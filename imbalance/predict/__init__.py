"""Batch prediction: a SavedModel's answer to each row of a file or pipe, in constant memory."""
