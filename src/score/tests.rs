//! Tables of labelled answers, and properties that hold for any text.
