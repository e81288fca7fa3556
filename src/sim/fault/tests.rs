//! The names of the faults, and how they are drawn.
