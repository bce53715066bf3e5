// The gates of an LSTM: one unit driven by hand, or a trained cell watched over a sequence.
import { renderCell } from "./gates_cell.js";
import { renderHand } from "./gates_hand.js";

function render({ model, el }) {
  const { cell } = { ...model.get("given"), ...model.get("state") };
  return (cell.weight_ih ? renderCell : renderHand)(model, el);
}
