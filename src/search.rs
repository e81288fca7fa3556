//! The effective length: a certified bracket that assumes no shape, and a model's interval beside it.

mod posterior;
pub use posterior::*;
