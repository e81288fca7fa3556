//! `journal.jsonl`: every attempt a line, written and flushed before anything else hears of it.

mod control;
mod file;
mod print;
mod row;
mod run_file;
mod set;

pub use control::{Control, ControlIntent, ControlItem, ControlKind, ControlNote};
pub use file::{Journal, Loaded};
pub use print::{Moment, Print, PrintIntent};
pub use row::{Intent, Line, Outcome, PromptNote, Row, SCHEMA};
pub use run_file::{Asking, FoundWindow, Named, RUN_SCHEMA, RunFile, SetAsked};
pub use set::{SetIntent, SetPrompt, SetRow};
