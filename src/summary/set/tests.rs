//! Bins, depths, samples and scores of a set, out of rows.
