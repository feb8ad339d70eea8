"""How pages look: colours for light and dark, the switch between them, and the report's style sheet."""

from __future__ import annotations

from .html import Html, tag

#: Orange and blue differ for every kind of eye. Light or dark as the system is, unless the switch says otherwise.
COLOURS = """
:root{color-scheme:light dark;--paper:light-dark(#fbfaf7,#181715);--text:light-dark(#1f1e1b,#e9e6df);
--faint:light-dark(#65625b,#a8a398);--rule:light-dark(#dedad1,#37342f);--edge:light-dark(#8a867d,#7c776d);
--a:light-dark(#b8470b,#f19555);--b:light-dark(#2a66a8,#7fb2ec)}
:root:has(#light:checked){color-scheme:light}:root:has(#dark:checked){color-scheme:dark}
.theme{border:0;margin:0;padding:0;display:flex;font-size:.9rem;color:var(--faint)}
.theme legend{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.theme label{padding:.15rem .6rem;border:1px solid var(--rule);margin-left:-1px;cursor:pointer;position:relative}
.theme label:has(:checked){color:var(--text);border-color:var(--edge);z-index:1}
.theme input{position:absolute;inset:0;opacity:0;margin:0;cursor:pointer}
.theme label:has(:focus-visible){outline:3px solid var(--b);outline-offset:1px;z-index:2}
@media print{.theme{display:none}}
"""


def theme_switch() -> Html:
    """Make the switch between automatic, light and dark; the style sheet alone makes it work."""
    labels = []
    for name in ("auto", "light", "dark"):
        chosen = "" if name == "auto" else None
        labels.append(tag("label", tag("input", type="radio", name="theme", id=name, checked=chosen), name))
    return tag("fieldset", tag("legend", "Colours"), labels, class_="theme")


STYLE = COLOURS + """
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--text);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
-webkit-text-size-adjust:100%;overflow-wrap:anywhere}
main{max-width:62rem;margin:0 auto;padding:2.5rem 1.25rem 5rem}
.top{display:flex;flex-wrap:wrap;justify-content:space-between;gap:.3rem 1rem}
:focus-visible{outline:3px solid var(--b);outline-offset:2px}
.kicker{margin:0;color:var(--a);font-weight:600;letter-spacing:.04em}
h1{font-size:clamp(1.8rem,5vw,2.6rem);line-height:1.15;margin:.2rem 0 1.6rem;letter-spacing:-.02em}
h1 small{font-size:.55em;letter-spacing:0;white-space:normal}
h2{font-size:1.25rem;margin:0 0 .5rem;letter-spacing:-.01em}
h3{font-size:1rem;margin:1.2rem 0 .4rem}
p{margin:.4rem 0;max-width:46rem}
.note,figcaption,summary{color:var(--faint);font-size:.9rem}
.verdict{font-size:1.1rem;margin-top:1.1rem}
.beware{border-left:4px solid var(--a);padding:.35rem 0 .35rem .9rem;margin:.8rem 0}
.beware code{display:inline-block;max-width:100%}
section{margin-top:2.75rem;padding-top:1.1rem;border-top:1px solid var(--rule)}
.wide{overflow-x:auto;margin:.6rem 0}
table{border-collapse:collapse;font-size:.92rem;width:100%;overflow-wrap:normal}
table th{font-weight:500;color:var(--faint);text-align:left;font-size:.85rem}
th,td{padding:.32rem 1rem .32rem 0;vertical-align:top;border-bottom:1px solid var(--rule)}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.pairs tbody tr:has(+tr>td:first-child:empty) td{border-bottom-color:transparent;padding-bottom:0}
small{color:var(--faint);font-weight:400;white-space:nowrap}
pre{font:.88rem/1.5 ui-monospace,monospace;white-space:pre-wrap;padding:.6rem .8rem;border-radius:4px;
background:color-mix(in srgb,var(--rule) 40%,transparent)}
.design td:first-child,.design td:nth-child(2){white-space:nowrap}
.design td:last-child{color:var(--faint);min-width:14rem}
.ink.a{color:var(--a);font-weight:600}.ink.b{color:var(--b);font-weight:600}
.bars{max-width:46rem}
.bar{display:grid;grid-template-columns:minmax(6rem,13rem) 1fr 7rem;gap:.75rem;align-items:center;
margin:.28rem 0;font-size:.92rem}
.bar .value{font-variant-numeric:tabular-nums}
.track{height:.85rem;background:var(--rule);border-radius:2px;overflow:hidden}
.fill{display:block;height:100%;min-width:1px}.fill.a{background:var(--a)}.fill.b{background:var(--b)}
.fill.c{background:var(--faint)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),28.5rem));gap:1.75rem}
figure{margin:0;min-width:0}figcaption{margin-top:.3rem}
svg{width:100%;height:auto;display:block;font:13px system-ui,sans-serif}
svg text{fill:var(--faint)}svg .name{fill:var(--text)}
.grid{stroke:var(--rule)}.axis{stroke:var(--faint)}.best{stroke:var(--faint);stroke-dasharray:4 4}
.line{fill:none;stroke-width:2;stroke-linejoin:round}.line.a{stroke:var(--a)}.line.b{stroke:var(--b)}
.line.c{stroke:var(--faint);stroke-dasharray:2 3}.line.t{stroke:var(--text);stroke-width:1.2}
.ink.t,.ink.c{font-weight:600}.band{fill:var(--a);fill-opacity:.18}
.up{fill:var(--a)}.down{fill:var(--b)}.where{fill:var(--rule)}.start{fill:var(--faint)}.end{fill:var(--text)}
.line.apart{stroke-width:1.2;stroke-dasharray:5 3}
.bar-of-chance{stroke:var(--rule);stroke-width:7}
.cut{fill:var(--paper);stroke:var(--a);stroke-width:3}
.dot.a{fill:var(--a);fill-opacity:.5}.dot.b{fill:var(--b)}
.confusion{width:auto}.confusion th,.confusion td{border:0;padding:.45rem .7rem;text-align:right}
.confusion tbody td{font-variant-numeric:tabular-nums;min-width:3.2rem;border:2px solid var(--paper)}
.confusion.close{font-size:.85rem}.confusion.close th,.confusion.close td{padding:.3rem .4rem}
.confusion.close tbody td{min-width:2.2rem}.confusion .corner{font-size:.75rem;color:var(--faint);text-align:left}
.confusion tbody th{position:sticky;left:0;background:var(--paper);white-space:nowrap}
figure.full{grid-column:1/-1}
.gallery{display:flex;flex-wrap:wrap;gap:1rem;margin:.8rem 0}.gallery figure{width:7rem}
.gallery img{width:100%;image-rendering:pixelated;border:3px solid transparent;border-radius:3px;display:block}
.gallery .wrong img{border-color:var(--b)}
.hit{background:color-mix(in srgb,var(--a) calc(8% + 34%*var(--share)),transparent)}
.miss{background:color-mix(in srgb,var(--b) calc(8% + 34%*var(--share)),transparent)}
.none{color:var(--faint)}
details{margin-top:.8rem}summary{cursor:pointer}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.25rem;font-size:.92rem;margin:.6rem 0}
dt{color:var(--faint)}dd{margin:0}
@media (max-width:34rem){
.design td{display:block;border:0;padding:.05rem 0}.design tr{display:block;
padding:.4rem 0;border-bottom:1px solid var(--rule)}
.bar{grid-template-columns:minmax(5rem,8rem) 1fr 6.2rem;gap:.5rem;font-size:.85rem}
main{padding-top:1.5rem}}
@media print{body{background:none}section{break-inside:avoid}}
"""
