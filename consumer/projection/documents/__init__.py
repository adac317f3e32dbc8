"""Documents that are changed by compare-and-set: what they hold, packed too, their tokens, and the writing of them."""
