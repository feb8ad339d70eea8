"""Cutaway in a page: one sealed file with a program, weights and data, which trains in the browser by WebAssembly."""
