//! Parses the command line, runs the command, and ends with a code that means something.

use clap::Parser;
use depthfinder::cli::{Cli, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(run(Cli::parse()).code())
}
