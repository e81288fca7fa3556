//! A simulated model with a known truth: it gets the bytes of a request and nothing else.
