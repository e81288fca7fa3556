//! The binary end to end: what a user types, what is printed, what lies in the run folder.

mod anything;
mod bad_folders;
mod bad_input;
mod claims;
mod compare;
mod cuts;
mod dataset;
mod disguises;
mod dispute;
mod embedded;
mod fault_kinds;
mod fingerprints;
mod full_disk;
mod gate;
mod identify;
mod kills;
mod prompts;
mod reconciliation;
mod reports;
mod retries;
mod serving;
mod signals;
mod soak;
mod spending;
#[path = "../support/mod.rs"]
mod support;
mod tasks;
mod verify;
mod verify_bad_input;
mod verify_choices;
mod verify_controls;
mod verify_kinds;
mod verify_resume;
mod verify_spending;
mod verify_voids;
mod verify_windows;
