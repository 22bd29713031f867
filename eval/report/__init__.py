"""A comparison for people, from the run's folder alone.

render    the HTML page, with Markdown and a spreadsheet beside it   render_report
page      what the page shows; question: one question of it
markdown, table    report.md and outcomes.csv
runs      two runs held against each other                           compare_runs
"""
