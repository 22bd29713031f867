"""The page's own look: Streamlit's colours by its options, the rest in one style sheet. Light and dark.

Colours come in pairs by `light-dark()`, which follows the `color-scheme` that Streamlit sets for the theme in use.
Every pair of text and ground was chosen for a contrast of 4.5:1 or more.
"""

from __future__ import annotations

from base64 import b64encode

# Options of `streamlit run`. With no base, Streamlit follows what the person's system prefers.
THEME = {
    "theme.light.primaryColor": "#1f6f6b",
    "theme.light.backgroundColor": "#fbfaf7",
    "theme.light.secondaryBackgroundColor": "#f1efe9",
    "theme.light.textColor": "#22282b",
    "theme.dark.primaryColor": "#2a8078",
    "theme.dark.backgroundColor": "#15191b",
    "theme.dark.secondaryBackgroundColor": "#1e2427",
    "theme.dark.textColor": "#e6e8e6",
    "theme.baseRadius": "0.6rem",
    "theme.showWidgetBorder": "true",
}

# Something that stands on two strata.
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1f6f6b"/>'
    '<path d="M9 7v11M9 18h14" stroke="#fff" stroke-width="3" stroke-linecap="round" fill="none"/>'
    '<path d="M5 23h22M5 27h22" stroke="#9fd8d0" stroke-width="2" stroke-linecap="round"/></svg>'
)

STYLE = """
<style>
.stApp {
  --fg-ink: light-dark(#22282b, #e6e8e6); --fg-quiet: light-dark(#5b6467, #a3acad);
  --fg-line: light-dark(#dedbd2, #343c40); --fg-card: light-dark(#ffffff, #1b2023);
  --fg-accent: light-dark(#1f6f6b, #5cc0b4); --fg-mark: light-dark(#fdeeb5, #57491a);
  --fg-supported: light-dark(#1b6e3c, #74cf96); --fg-contradicted: light-dark(#b3261e, #ff9a90);
  --fg-unsupported: light-dark(#8a5200, #f0b35a); --fg-unverifiable: light-dark(#5b6467, #a3acad);
}
/* Streamlit's own furniture, put away. */
[data-testid="stAppDeployButton"], [data-testid="stMainMenu"], [data-testid="stDecoration"],
[data-testid="stStatusWidget"], footer { display: none !important; }
[data-testid="stHeader"] { background: transparent; }
[data-testid="stMainBlockContainer"] { max-width: 74rem; padding: 4.6rem 2rem 4rem; }
[data-testid="stForm"] { border: 0; padding: 0; }
[data-testid="InputInstructions"] { display: none; }
.st-key-answers [data-testid="stHorizontalBlock"] { flex-wrap: wrap; align-items: stretch; }
.st-key-answers [data-testid="stColumn"] { flex: 1 1 16rem; min-width: min(16rem, 100%); }
[data-testid="stButtonGroup"] button[data-selected="true"] * { color: var(--fg-accent); }
.st-key-examples { gap: .5rem !important; }
.st-key-examples button { min-height: 0; padding: .3rem .8rem; border-radius: 2rem; text-align: start; }
.st-key-examples button p { font-size: .9rem; }

.fg-head { display: flex; gap: .8rem; align-items: center; }
.fg-logo { width: 2.5rem; height: 2.5rem; flex: none; }
.fg-name { font-size: 1.55rem; font-weight: 700; letter-spacing: -.02em; line-height: 1.15; margin: 0; padding: 0; }
.fg-tagline { color: var(--fg-quiet); margin: 0; line-height: 1.45; }
.fg-page p.fg-hint { color: var(--fg-quiet); font-size: .95rem; margin: .3rem 0 -.5rem; }
.fg-asked { font-size: 1.3rem; font-weight: 600; line-height: 1.35; margin: .9rem 0 0; overflow-wrap: anywhere; }
.fg-card { background: var(--fg-card); border: 1px solid var(--fg-line); border-radius: .7rem; padding: 1rem 1.15rem;
  overflow-wrap: anywhere; }
.fg-card.fg-idle { background: transparent; border-style: dashed; }
.fg-card.fg-busy { border-color: var(--fg-accent); }
.fg-arm { margin-bottom: .7rem; }
.fg-arm b { display: block; font-size: 1.02rem; color: var(--fg-accent); }
.fg-quiet, .fg-arm span { color: var(--fg-quiet); font-size: .85rem; line-height: 1.45; }
.fg-answer { font-size: 1.3rem; line-height: 1.75; white-space: pre-wrap; min-height: 2.3rem; }
.fg-answer.fg-long { font-size: 1.05rem; }
.fg-wait { color: var(--fg-quiet); font-size: 1rem; }
.fg-caret { display: inline-block; width: .5em; height: 1.05em; vertical-align: -.15em; margin-left: .1em;
  background: var(--fg-accent); animation: fg-blink 1s steps(2) infinite; }
@keyframes fg-blink { to { opacity: 0; } }
@media (prefers-reduced-motion: reduce) { .fg-caret { animation: none; } }

/* A verdict is told three ways: by sign, by the line under the words, by colour. */
.fg-claim { text-decoration-line: underline; text-decoration-thickness: .13em; text-underline-offset: .24em; }
.fg-claim.fg-supported { text-decoration-style: solid; text-decoration-color: var(--fg-supported); }
.fg-claim.fg-contradicted { text-decoration-style: wavy; text-decoration-thickness: .09em;
  text-decoration-color: var(--fg-contradicted); }
.fg-claim.fg-unsupported { text-decoration-style: dashed; text-decoration-color: var(--fg-unsupported); }
.fg-claim.fg-unverifiable { text-decoration-style: dotted; text-decoration-color: var(--fg-unverifiable); }
/* What a claim rests on, on hovering, tapping or reaching it by keyboard; as wide as the card: never clipped. */
.fg-answer { position: relative; }
.fg-claim[data-evidence] { cursor: help; }
.fg-claim[data-evidence]:is(:hover, :focus)::after { content: attr(data-evidence); position: absolute; inset-inline: 0;
  margin-top: 2.1em; z-index: 5; padding: .55rem .8rem; border-radius: .5rem; border: 1px solid var(--fg-line);
  background: var(--fg-card); box-shadow: 0 .3rem 1rem #0003; color: var(--fg-ink); font-size: .9rem; line-height: 1.5;
  white-space: pre-wrap; max-height: 12rem; overflow: hidden; }
.fg-claim:focus-visible { outline: 2px solid var(--fg-accent); outline-offset: 2px; border-radius: .2rem; }
.fg-history details { border: 1px solid var(--fg-line); border-radius: .5rem; padding: .35rem .8rem; margin: .35rem 0;
  overflow-wrap: anywhere; }
.fg-history dl { margin: .4rem 0; } .fg-history dt { font-size: .85rem; color: var(--fg-accent); font-weight: 600; }
.fg-history dd { margin: 0 0 .4rem; line-height: 1.6; position: relative; }
.fg-page p.fg-understood { margin: .15rem 0 0; }
.fg-sign { display: inline-block; font-weight: 700; font-size: .72em; line-height: 1.45em; min-width: 1.45em;
  text-align: center; border-radius: 1em; border: 1.5px solid currentColor; margin-inline: .3em .35em;
  vertical-align: .12em; white-space: nowrap; padding: 0 .15em; }
.fg-sign.fg-supported, .fg-word.fg-supported { color: var(--fg-supported); }
.fg-sign.fg-contradicted, .fg-word.fg-contradicted { color: var(--fg-contradicted); }
.fg-sign.fg-unsupported, .fg-word.fg-unsupported { color: var(--fg-unsupported); }
.fg-sign.fg-unverifiable, .fg-word.fg-unverifiable { color: var(--fg-unverifiable); }
.fg-word { font-weight: 600; }
.fg-page ul.fg-claims { list-style: none; margin: .8rem 0 0; padding: 0; border-top: 1px solid var(--fg-line); }
.fg-page ul.fg-claims > li { padding: .55rem 0 0; margin: 0; font-size: .95rem; line-height: 1.5; }
.fg-said { display: block; }
.fg-page details > summary { cursor: pointer; list-style-position: inside; }
.fg-page summary:focus-visible { outline: 2px solid var(--fg-accent); outline-offset: 2px; border-radius: .2rem; }
.fg-open { color: var(--fg-accent); text-decoration: underline; text-underline-offset: .15em; white-space: nowrap; }
.fg-claims .fg-sign { margin-inline: 0 .5em; }
.fg-legend .fg-sign { margin-inline: 0 .4em; font-size: .8em; }
.fg-page .fg-claims summary { list-style: none; }
.fg-claims summary::-webkit-details-marker { display: none; }
.fg-quote { border-left: 3px solid var(--fg-line); padding: .1rem 0 .1rem .8rem; margin: .5rem 0 .2rem; }
.fg-quote p, .fg-passage { margin: 0 0 .35rem; white-space: pre-wrap; line-height: 1.6; font-size: .92rem; }
.fg-page mark { background: var(--fg-mark); color: inherit; border-radius: .15rem; padding: .05em .1em;
  box-decoration-break: clone; -webkit-box-decoration-break: clone; }
.fg-foot { margin-top: .8rem; font-size: .8rem; color: var(--fg-quiet); }
.fg-section { font-size: 1.05rem; font-weight: 650; margin: 1.2rem 0 .1rem; }
.fg-evidence { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(21rem, 100%), 1fr)); gap: .8rem;
  list-style: none; }
.fg-page ol.fg-evidence { margin: .7rem 0 0; padding: 0; }
.fg-page ol.fg-evidence > li { margin: 0; padding: 0; font-size: inherit; }
.fg-evidence .fg-card { height: 100%; box-sizing: border-box; padding: .8rem 1rem; }
.fg-title { font-weight: 600; font-size: .95rem; margin: 0 0 .15rem; }
.fg-passage { max-height: 15rem; overflow-y: auto; margin: .45rem 0; }
.fg-page p.fg-quiet { margin: 0; }
.fg-page dl.fg-figures { padding: 0; } .fg-page .fg-figures dt { padding: 0; }
.fg-figures { display: flex; flex-wrap: wrap; gap: .6rem 2.2rem; margin: .4rem 0 .8rem; }
.fg-figures dt { color: var(--fg-quiet); font-size: .8rem; } .fg-figures dd { margin: 0; font-weight: 600; }
.fg-document { white-space: pre-wrap; line-height: 1.7; margin-top: .6rem; overflow-wrap: anywhere; }
.fg-source { font-family: ui-monospace, "Cascadia Mono", Menlo, monospace; font-size: .76rem; color: var(--fg-quiet); }
.fg-chips { display: flex; flex-wrap: wrap; gap: .3rem; margin: 0 0 .35rem; }
.fg-chip { font-size: .76rem; border: 1px solid var(--fg-line); border-radius: 1rem; padding: .02rem .55rem;
  color: var(--fg-quiet); font-variant-numeric: tabular-nums; }
.fg-note { border-left: 3px solid var(--fg-accent); background: light-dark(#e9f2f0, #1c2b2a); border-radius: .3rem;
  padding: .6rem .9rem; line-height: 1.5; font-size: .93rem; overflow-wrap: anywhere; }
.fg-error { border-left: 3px solid var(--fg-contradicted); background: light-dark(#fbeceb, #321d1c);
  border-radius: .3rem; padding: .7rem 1rem; line-height: 1.5; overflow-wrap: anywhere; white-space: pre-line; }
.fg-error b { color: var(--fg-contradicted); }
.fg-legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; font-size: .9rem; margin: 1.2rem 0 .4rem; padding: 0; }
.fg-trust { font-size: .85rem; color: var(--fg-quiet); line-height: 1.55; }
.fg-scroll { overflow-x: auto; }
.fg-trust table, .fg-table { border-collapse: collapse; margin: .5rem 0; font-variant-numeric: tabular-nums; }
.fg-trust th, .fg-trust td, .fg-table th, .fg-table td { text-align: start; padding: .25rem .8rem .25rem 0; border: 0;
  border-bottom: 1px solid var(--fg-line); font-weight: 400; vertical-align: top; }
.fg-table { word-break: keep-all; font-size: .88rem; }
.fg-trust th, .fg-table th { color: var(--fg-quiet); }
@media (max-width: 640px) {
  [data-testid="stMainBlockContainer"] { padding: 4.4rem 1rem 3rem; }
  .fg-answer { font-size: 1.15rem; }
  .fg-name { font-size: 1.35rem; }
}
.fg-logo { background: url("data:image/svg+xml;base64,LOGO") center / contain no-repeat; }
</style>
""".replace("LOGO", b64encode(ICON.encode()).decode())

# What Streamlit says itself, in English alone, said in Chinese: the box that files are dropped into.
CHINESE = """
<style>
[data-testid="stFileUploaderDropzone"] :is(button p, [data-testid$="Instructions"] span) { font-size: 0; }
[data-testid="stFileUploaderDropzone"] button p::after { content: "选择文件"; font-size: .875rem; }
[data-testid="stFileUploaderDropzoneInstructions"] span::after { content: "每个文件不超过 200 MB"; font-size: .875rem; }
</style>
"""
