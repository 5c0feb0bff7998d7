"""Installed packages, verified against what was recorded at their installation."""
