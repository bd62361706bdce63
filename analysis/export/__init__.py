"""Snapshots: which columns leave, where their rows come from, and how they become one zip."""
