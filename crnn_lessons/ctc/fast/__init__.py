"""CTC at speed: the kernels of ``ctc_loss``, behind one door, :mod:`crnn_lessons.ctc.fast.choose`."""
