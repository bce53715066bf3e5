"""Text as pictures: fonts, rendered words, distortions and data sets."""
