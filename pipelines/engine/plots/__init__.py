"""Plots: finding what to draw in a revision, the rows behind it, Vega-Lite specs, pages and pictures.

`collect.collect` is the entry: it gives a `PlotSet`, plain values that the command line and
pages share. Drawing (`page`, `export`) never changes what `collect` and `spec` give.
"""
