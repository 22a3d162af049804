"""Scores, tables and pictures of what trained networks predict."""
