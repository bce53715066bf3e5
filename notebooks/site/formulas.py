"""Formulas as MathML, which browsers set by themselves: latex2mathml, and what it leaves to be mended."""

from __future__ import annotations

import html
import re

from latex2mathml.converter import convert

WRITTEN = {  # in the TeX: what it does not know, as what it knows
    r"\begin{aligned}": r"\begin{align*}",
    r"\end{aligned}": r"\end{align*}",
    r"\arg\max": r"\text{arg max}",
}
NAME = r"<mi>(?:ln|log|exp|tanh|max|min|sup|inf|dim)</mi>"
SPACE = '<mspace width="0.167em"/>'


def mathml(latex: str, display: str) -> str:
    """A formula as MathML, with its TeX as the alternative text.

    Args:
        display: 'inline' or 'block'.
    """
    text = " ".join(latex.split())
    for unknown, known in WRITTEN.items():
        text = text.replace(unknown, known)
    made = convert(text, display=display).replace("negativethinmathspace", "-0.167em")
    # A norm's two bars are two signs to it, and the second, which carries an exponent, would stay small.
    made = re.sub(r"<mo>(&#x02016;|‖)</mo>", r'<mo stretchy="false">\1</mo>', made)
    # A thin space on either side of ln and its like, unless a bracket or another sign stands there.
    made = re.sub(rf"({NAME}|<msup>{NAME}.*?</msup>)(?!<mo[ >]|<mspace|</|<mrow><mo[ >])", rf"\1{SPACE}", made)
    made = re.sub(
        rf"(</mi>|</mn>|</msub>|</msup>|</mfrac>|(?:&#x00029;|&#x02202;)</mo>|</munder>)(?={NAME})", rf"\1{SPACE}", made
    )
    return made.replace("<math ", f'<math alttext="{html.escape(latex)}" ', 1)
