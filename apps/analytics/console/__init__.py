"""The console: a page of the admin site with figures and charts, and a drill-down for each bar.

A template draws the charts as SVG. For six bar charts this is less code than a plotting library
needs, and the SVG of such libraries has inline styles, no links and no keyboard access.
"""
