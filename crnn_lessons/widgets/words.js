// Numbers, counts and characters as the widgets write them; crnn_lessons/show/numbers.py writes the same.

/** Text for the eye: a minus as long as a plus, in place of the hyphen that a computer writes; and back for a field. */
export const minus = (text) => `${text}`.replaceAll("-", "−");
export const typed = (text) => text.replaceAll("−", "-");
/** Zeros at the end of a decimal fraction left out. */
export const tidy = (text) => text.replace(/(\.\d*?)0+(?=e|$)/, "$1").replace(/\.(?=e|$)/, "");

/** Four significant digits, without zeros at the end; scientific below a thousandth. */
export function number(exact) {
  const x = Number(exact.toPrecision(12)); // the last bits differ between machines, and a tie must not hang on them
  if (Number.isNaN(x)) return "undefined";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  const size = Math.abs(x);
  if (size === 0) return "0";
  if (size >= 9999.5) return minus(size < 1e15 ? x.toFixed(0) : tidy(x.toExponential(3)));
  return minus(tidy(size < 1e-3 ? x.toExponential(3) : x.toPrecision(4)));
}

/** A number as a factor or summand in a formula: a negative one in brackets. */
export const bracketed = (x) => (number(x).startsWith("−") ? `(${number(x)})` : number(x));

/** The number whose natural logarithm is given; also where it is too small for a double. */
export function fromLog(logX) {
  if (logX === -Infinity || logX > -690) return number(Math.exp(logX));
  const power = logX / Math.LN10, exponent = Math.floor(power), digits = (10 ** (power - exponent)).toFixed(3);
  return minus(digits === "10.000" ? `1e${exponent + 1}` : `${tidy(digits)}e${exponent}`);
}

/** The number for a small box, from its natural logarithm: two or three digits, or one where there is no room. */
export function brief(logX, room) {
  const x = Math.exp(logX);
  if (logX < -690) return fromLog(logX).replace(/^(\d)[^e]*/, "$1");
  if (x >= 0.0995 || x === 0) return tidy(x.toFixed(3));
  return minus(tidy(x < 1e-3 ? x.toExponential(room ? 1 : 0) : x.toPrecision(2)));
}

/** An exact count with its digits in groups of three, and with what is counted. */
export const count = (n) => n.toString().replace(/\B(?=(\d{3})+$)/g, ",");
export const plural = (n, one, many) => `${count(n)} ${BigInt(n) === 1n ? one : many}`;
/** How a character is written in a drawing: a space must be seen. */
export const visible = (character) => (character.trim() === "" ? "␣" : character);
/** Characters as Python counts them: code points after NFC normalisation. */
export const codePoints = (text) => [...text.normalize("NFC")];
