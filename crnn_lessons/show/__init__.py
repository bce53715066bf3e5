"""What lessons show: figures in one style, tables, the notation, the drawing of an LSTM."""
