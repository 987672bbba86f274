"""The console: the figures as a page of the admin site, and the conversations behind each bar.

The charts are SVG of our own, made by a template: with six bar charts that is less than a plotting
library, whose SVG has styles of its own, no links, and nothing for the keyboard.
"""
