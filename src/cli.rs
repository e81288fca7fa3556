//! The command line: one module a command; the only place that prints.

mod arguments;
mod claims;
mod compare;
mod connect;
mod consent;
mod dispute;
mod doctor;
mod ending;
mod folder;
mod gate;
mod identify;
mod inquiry;
mod list;
mod progress;
mod report;
mod screen;
mod serve;
mod setup;
mod show;
mod sides;
mod sweep;
mod verify;

pub use arguments::{Cli, Command};

use anyhow::Result;

/// How a command ended, as the shell hears it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or verified.
    Done,
    /// A claim was refuted.
    Refuted,
    /// It could not run.
    CouldNotRun,
    /// No verdict, too many void trials, or stopped by a cap.
    Undecided,
    /// The user stopped it; what was done is kept.
    Interrupted,
}

impl Exit {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Refuted => 1,
            Exit::CouldNotRun => 2,
            Exit::Undecided => 3,
            Exit::Interrupted => 130,
        }
    }
}

/// Runs a command and prints its one error line, if any.
pub fn run(cli: Cli) -> Exit {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            screen::error(&format!("cannot start: {error}"));
            return Exit::CouldNotRun;
        }
    };
    let ended = runtime.block_on(dispatch(cli));
    // A look-up or an upload that hangs must not hold the process back.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    match ended {
        Ok(exit) => exit,
        Err(error) => {
            screen::error(&format!("{error:#}"));
            Exit::CouldNotRun
        }
    }
}

async fn dispatch(cli: Cli) -> Result<Exit> {
    match cli.command {
        Command::Sweep(arguments) => sweep::run(*arguments).await,
        Command::Verify(arguments) => verify::run(*arguments).await,
        Command::Compare(arguments) => compare::run(*arguments).await,
        Command::Gate(arguments) => gate::run(*arguments).await,
        Command::Dispute(arguments) => dispute::run(*arguments).await,
        Command::Identify(arguments) => identify::run(*arguments).await,
        Command::Show(arguments) => show::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments).await,
        Command::Doctor(arguments) => doctor::run(&arguments).await,
        Command::Claims(arguments) => claims::run(&arguments),
        Command::Tasks => list::tasks(),
        Command::Corpora => list::corpora(),
    }
}
