"""Samples of words: pictures, folders, LMDB, pools of rendered words, and the batches made of them."""
