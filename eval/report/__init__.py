"""A comparison for people, from the run's folder alone, in English or Chinese (`eval/wording`).

render    the HTML page, with Markdown and a spreadsheet beside it   render_report
page      what the page shows; question: one question of it
markdown, table    report.md and outcomes.csv
runs      two runs held against each other                           compare_runs
reasons   why one answer says what it says, as a page                reasons_page
frame.html stands around every page, parts.html is what reports share
"""
