"""Cutaway: deep learning with the casing off."""
