"""Marks notebooks: expected tensors never meet student code, and every mark says why."""

__version__ = "0.1.0"
