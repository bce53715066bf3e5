"""The one table of notation: what each letter means in every lesson, in equations and in code."""

from __future__ import annotations

from dataclasses import dataclass

from crnn_lessons.show.table import html_table


@dataclass(frozen=True)
class Symbol:
    """A letter of the course.

    Attributes:
        sign: as it stands in equations, in Unicode.
        code: as it stands in code.
        meaning: what it is, with its shape where it has one.
    """

    sign: str
    code: str
    meaning: str


SYMBOLS = (
    Symbol("X", "images, frames", "the input: a picture, or what a network sees of it, cut into T frames"),
    Symbol("T", "T", "number of time steps (frames)"),
    Symbol("t", "t", "a time step, 0 to T − 1"),
    Symbol("N", "N", "number of samples in a batch"),
    Symbol("n", "n", "a sample, 0 to N − 1"),
    Symbol("P", "P, world_size", "number of workers that train together, each with a rank from 0 to P − 1"),
    Symbol("C", "C, num_classes", "number of classes; with CTC the blank is one of them"),
    Symbol("k", "k", "a class, 0 to C − 1"),
    Symbol("−", "blank", "the blank, class 0"),
    Symbol("Y", "target", "the target: S classes, none of them the blank"),
    Symbol("S", "S", "length of the target"),
    Symbol("r", "r", "number of places where a target has two equal labels side by side"),
    Symbol("π", "path", "a path: T classes, one a time step, blanks included"),
    Symbol("B", "collapse", "the map from a path to a text: merge runs of equal classes, then drop the blanks"),
    Symbol("p(t, k)", "probs[t, k]", "probability of class k at time step t, given X"),
    Symbol("p(Y | X)", "probability", "probability of the text: the sum over all its alignments"),
    Symbol("D", "D, d", "number of features: channels of a convolution, or size of a vector"),
    Symbol("H", "H, h", "height, in pixels or rows of features"),
    Symbol("W", "W, w", "width, in pixels or columns of features"),
    Symbol("L", "L", "number of rows of the lattice, 2S + 1"),
    Symbol("s", "s", "a row of the lattice, 0 to L − 1"),
    Symbol("α(t, s)", "alpha[t, s]", "probability of all path beginnings that are in row s at step t"),
    Symbol("β(t, s)", "beta[t, s]", "probability of all path endings after row s at step t"),
    Symbol("γ(t, s)", "posterior[t, s]", "probability of being in row s at step t, given X and Y: αβ / p(Y | X)"),
    Symbol("q(t, k)", "q[t, k]", "class posterior: the posterior summed over the rows that hold class k"),
    Symbol(
        "z(t, k)", "logits[t, k], z", "a logit: a number that a network ends in; softmax makes probabilities of them"
    ),
    Symbol("xₜ", "x[t]", "the input at time step t: D numbers"),
    Symbol("hₜ", "h, state", "the hidden state after step t (lectures also write s): Dₕ numbers"),
    Symbol("yₜ", "y, outputs[t]", "the output at time step t"),
    Symbol("Dₕ", "hidden_size", "number of hidden units: the size of the state"),
    Symbol("Wᵢₕ", "weight_ih", "weights from the input to the state (lectures: U), Dₕ × D"),
    Symbol("Wₕₕ", "weight_hh", "weights from the state before to the state (lectures: W), Dₕ × Dₕ"),
    Symbol("b", "bias", "a bias: one number for each unit"),
    Symbol("ℓ", "loss", "the loss: one number that training makes small"),
    Symbol("Jₜ", "jacobian", "the Jacobian ∂hₜ / ∂hₜ₋₁: how the state moves with the state before, Dₕ × Dₕ"),
    Symbol("Δ", "distance", "how many steps back: the distance in time between a cause and its effect"),
    Symbol("‖·‖", "norm", "length of a vector; largest singular value of a matrix: the most it lengthens any vector"),
    Symbol("σ(·)", "sigmoid", "the logistic function 1 / (1 + exp(−x)), between 0 and 1"),
    Symbol("⊙", "*", "product element by element"),
    Symbol("cₜ", "c", "the memory of an LSTM after step t: Dₕ numbers"),
    Symbol("iₜ, fₜ, oₜ", "i, f, o", "input, forget and output gate of an LSTM: Dₕ numbers between 0 and 1 each"),
    Symbol("gₜ", "g", "what an LSTM may write into its memory: Dₕ numbers between −1 and 1"),
    Symbol("rₜ, zₜ", "r_t, z_t", "reset and update gate of a GRU: Dₕ numbers between 0 and 1 each"),
    Symbol("nₜ", "n_t", "the new state that a GRU proposes: Dₕ numbers between −1 and 1"),
)


@dataclass(frozen=True)
class Table:
    """Rows of the table of notation, as a notebook shows them."""

    symbols: tuple[Symbol, ...]

    def __repr__(self) -> str:
        return "\n".join(f"{s.sign:<9} {s.code:<16} {s.meaning}" for s in self.symbols)

    def _repr_html_(self) -> str:
        rows = [(("i", s.sign), ("code", s.code), s.meaning) for s in self.symbols]
        return html_table(("in equations", "in code", "meaning"), rows)


def notation(*signs: str) -> Table:
    """The rows of the table for the signs that a lesson uses, in the table's order.

    Raises:
        ValueError: a sign that the table lacks.
    """
    known = {symbol.sign for symbol in SYMBOLS}
    missing = [sign for sign in signs if sign not in known]
    if missing:
        raise ValueError(f"the table of notation has no {missing}; its signs are {sorted(known)}")
    return Table(tuple(symbol for symbol in SYMBOLS if symbol.sign in signs))
