"""The colours of the course, each with one name: Okabe and Ito's, told apart with any colour vision, and two greys."""

BLUE, VERMILLION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
SKY, PURPLE = "#56B4E9", "#CC79A7"
GREY = "#999999"
"""Of lines. Too light for text on white, which takes FAINT (4.5 to 1)."""
INK, FAINT = "#1a1a1a", "#767676"
