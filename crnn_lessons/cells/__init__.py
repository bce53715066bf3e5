"""Recurrent networks from their equations: one time step of each cell, and the layers that scan a sequence with it."""

from crnn_lessons.cells.layers import GRU, LSTM, RNN
from crnn_lessons.cells.steps import gru_step, lstm_step, rnn_step

__all__ = ["GRU", "LSTM", "RNN", "gru_step", "lstm_step", "rnn_step"]
