// The gates of an LSTM: one unit driven by hand, or a trained cell watched over a sequence.
import { renderCell } from "./gates_cell.js";
import { renderHand } from "./gates_hand.js";

function render({ model, el }) {
  return "weight_ih" in model.get("cell") ? renderCell(model, el) : renderHand(model, el);
}

export default { render };
