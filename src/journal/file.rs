//! The file itself: appended, repaired, locked; the only writer and reader of `journal.jsonl`.

use super::{
    Control, ControlIntent, Intent, Line, Print, PrintIntent, Row, SCHEMA, SetIntent, SetRow,
};
use anyhow::{Context, Result, bail};
use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const SYNC_EVERY: Duration = Duration::from_secs(1);

/// An open journal. Rows reach the file (not only this process) before `append` returns; the
/// disk is synced once a second and at the end.
pub struct Journal {
    file: Mutex<(File, Instant)>,
    path: String,
}

/// What a journal already held.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Every row, in order.
    pub rows: Vec<Row>,
    /// Every control, in order.
    pub controls: Vec<Control>,
    /// Every question of a fingerprint, in order.
    pub prints: Vec<Print>,
    /// Every row of an item of a set, in order. A run has these or rows, never both.
    pub items: Vec<SetRow>,
    /// Attempts begun and never answered: possibly paid without a row.
    pub open_intents: u64,
    /// Those of them whose trials are not settled: they are asked again.
    pub unanswered: u64,
    /// The last attempt of each trial or item, begun or answered.
    pub attempts: HashMap<u64, u32>,
    /// What was repaired, in words.
    pub repaired: Option<String>,
}

impl Journal {
    /// Opens `journal.jsonl` in a folder to append to it, making it where it is missing.
    ///
    /// # Errors
    /// When another process writes to it, when it is of a newer format, or damaged elsewhere than
    /// in its last line.
    pub fn open(folder: &Path) -> Result<(Journal, Loaded)> {
        let path = folder.join("journal.jsonl");
        let name = path.display().to_string();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .with_context(|| format!("cannot write {name}"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("another depthfinder is writing {name}: wait for it, or choose another --out")
            }
            // A file system without locks: two writers are then the user's care.
            Err(TryLockError::Error(_)) => {}
        }
        let mut content = Vec::new();
        file.read_to_end(&mut content)
            .with_context(|| format!("cannot read {name}"))?;
        let mut loaded = Loaded::parse(&content, &name)?;
        let whole = content
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        if whole < content.len() {
            file.set_len(whole as u64)
                .with_context(|| format!("cannot repair {name}"))?;
            loaded.repaired = Some(format!(
                "the last line of {name} was cut short ({} bytes) and removed; its trial is asked again",
                content.len() - whole
            ));
        }
        file.seek(SeekFrom::End(0))
            .with_context(|| format!("cannot write {name}"))?;
        Ok((
            Journal {
                file: Mutex::new((file, Instant::now())),
                path: name,
            },
            loaded,
        ))
    }

    /// Reads a folder's journal without writing or locking it; a torn last line is ignored.
    ///
    /// # Errors
    /// As [`Journal::open`], or when there is none.
    pub fn read(folder: &Path) -> Result<Loaded> {
        let path = folder.join("journal.jsonl");
        let content = std::fs::read(&path).with_context(|| {
            format!(
                "cannot read {}: is {} a run folder?",
                path.display(),
                folder.display()
            )
        })?;
        Loaded::parse(&content, &path.display().to_string())
    }

    /// Records that a request is about to be sent.
    pub fn intend(&self, intent: Intent) -> Result<()> {
        self.append(&Line::Intent(intent))
    }

    /// Records an attempt.
    pub fn record(&self, row: Row) -> Result<()> {
        self.append(&Line::Row(Box::new(row)))
    }

    /// Records that a control is about to be sent.
    pub fn intend_control(&self, intent: ControlIntent) -> Result<()> {
        self.append(&Line::ControlIntent(intent))
    }

    /// Records a control.
    pub fn record_control(&self, control: Control) -> Result<()> {
        self.append(&Line::Control(Box::new(control)))
    }

    /// Records that a question of a fingerprint is about to be sent.
    pub fn intend_print(&self, intent: PrintIntent) -> Result<()> {
        self.append(&Line::FingerprintIntent(intent))
    }

    /// Records a question of a fingerprint.
    pub fn record_print(&self, print: Print) -> Result<()> {
        self.append(&Line::Fingerprint(Box::new(print)))
    }

    /// Records that an item of a set is about to be sent.
    pub fn intend_item(&self, intent: SetIntent) -> Result<()> {
        self.append(&Line::SetIntent(intent))
    }

    /// Records an attempt at an item of a set.
    pub fn record_item(&self, row: SetRow) -> Result<()> {
        self.append(&Line::SetRow(Box::new(row)))
    }

    fn append(&self, line: &Line) -> Result<()> {
        let kept = || {
            format!(
                "cannot write {}: all earlier rows are kept; free the disk and run the same command again to go on",
                self.path
            )
        };
        let mut bytes = serde_json::to_vec(line).with_context(kept)?;
        bytes.push(b'\n');
        let Ok(mut guard) = self.file.lock() else {
            bail!("{} is in an unknown state after a failed write", self.path);
        };
        let (file, synced) = &mut *guard;
        // One write per line: another process reading along sees whole lines or none.
        file.write_all(&bytes).with_context(kept)?;
        if synced.elapsed() >= SYNC_EVERY {
            file.sync_data().with_context(kept)?;
            *synced = Instant::now();
        }
        Ok(())
    }

    /// Brings everything to the disk.
    pub fn sync(&self) -> Result<()> {
        match self.file.lock() {
            Ok(guard) => guard
                .0
                .sync_data()
                .with_context(|| format!("cannot sync {}", self.path)),
            Err(_) => Ok(()),
        }
    }
}

impl Loaded {
    /// Reads the content of a journal called `name`. A last line without a newline is ignored.
    ///
    /// # Errors
    /// When it is of a newer format, or damaged elsewhere than in its last line.
    pub fn parse(content: &[u8], name: &str) -> Result<Loaded> {
        let mut loaded = Loaded::default();
        let mut open: HashMap<u64, u64> = HashMap::new();
        let (mut open_controls, mut open_prints) = (0u64, 0u64);
        let mut settled = HashSet::new();
        let whole = content
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        for (number, line) in content[..whole].split(|&byte| byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            refuse_newer(line, name)?;
            let line: Line = serde_json::from_slice(line).with_context(|| {
                format!(
                    "line {} of {name} is damaged; the other lines are untouched",
                    number + 1
                )
            })?;
            match line {
                Line::Intent(intent) => {
                    loaded.attempts.insert(intent.trial, intent.attempt);
                    *open.entry(intent.trial).or_default() += 1;
                }
                Line::Row(row) => {
                    loaded.attempts.insert(row.trial.id, row.attempt);
                    if let Some(begun) = open.get_mut(&row.trial.id) {
                        *begun = begun.saturating_sub(1);
                    }
                    loaded.rows.push(*row);
                }
                Line::ControlIntent(_) => open_controls += 1,
                Line::Control(control) => {
                    open_controls = open_controls.saturating_sub(1);
                    loaded.controls.push(*control);
                }
                Line::FingerprintIntent(_) => open_prints += 1,
                Line::Fingerprint(print) => {
                    open_prints = open_prints.saturating_sub(1);
                    loaded.prints.push(*print);
                }
                Line::SetIntent(intent) => {
                    loaded.attempts.insert(intent.item, intent.attempt);
                    *open.entry(intent.item).or_default() += 1;
                }
                Line::SetRow(row) => {
                    loaded.attempts.insert(row.item, row.attempt);
                    if let Some(begun) = open.get_mut(&row.item) {
                        *begun = begun.saturating_sub(1);
                    }
                    loaded.items.push(*row);
                }
            }
        }
        for row in loaded.rows.iter().filter(|row| row.settled) {
            settled.insert(row.trial.id);
        }
        settled.extend(
            loaded
                .items
                .iter()
                .filter(|row| row.settled)
                .map(|row| row.item),
        );
        loaded.open_intents = open.values().sum::<u64>() + open_controls + open_prints;
        let unanswered = open.iter().filter(|(trial, _)| !settled.contains(trial));
        loaded.unanswered = unanswered.map(|(_, begun)| begun).sum();
        Ok(loaded)
    }
}

fn refuse_newer(line: &[u8], name: &str) -> Result<()> {
    #[derive(serde::Deserialize)]
    struct Version {
        #[serde(default)]
        schema: u32,
    }
    if let Ok(Version { schema }) = serde_json::from_slice(line)
        && schema > SCHEMA
    {
        bail!(
            "{name} was written by a newer depthfinder (format {schema}, this one reads up to {SCHEMA}): update depthfinder; nothing was changed"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(trial: u64) -> Intent {
        Intent {
            schema: SCHEMA,
            trial,
            attempt: 1,
            at_ms: 5,
        }
    }

    #[test]
    fn a_torn_last_line_is_removed_and_told() {
        let folder = tempfile::tempdir().expect("folder");
        let (journal, _) = Journal::open(folder.path()).expect("opens");
        journal.intend(intent(1)).expect("writes");
        journal.intend(intent(2)).expect("writes");
        drop(journal);
        let path = folder.path().join("journal.jsonl");
        let whole = std::fs::read(&path).expect("reads");
        for cut in whole.len() / 2 + 1..whole.len() {
            std::fs::write(&path, &whole[..cut]).expect("writes");
            let (journal, loaded) = Journal::open(folder.path()).expect("opens");
            assert!(loaded.repaired.is_some());
            assert_eq!(loaded.open_intents, 1);
            journal.intend(intent(3)).expect("appends");
            drop(journal);
            assert_eq!(Journal::read(folder.path()).expect("reads").open_intents, 2);
        }
    }

    #[test]
    fn damage_in_the_middle_and_newer_formats_are_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("journal.jsonl");
        std::fs::write(&path, "{\"line\":\"row\",\"oops\n{}\n").expect("writes");
        assert!(
            format!("{:#}", Journal::open(folder.path()).err().expect("refused"))
                .contains("line 1")
        );
        std::fs::write(&path, "{\"line\":\"intent\",\"schema\":99,\"new\":1}\n").expect("writes");
        assert!(
            format!("{:#}", Journal::open(folder.path()).err().expect("refused")).contains("newer")
        );
    }

    #[test]
    fn two_writers_are_kept_apart() {
        let folder = tempfile::tempdir().expect("folder");
        let first = Journal::open(folder.path()).expect("opens");
        assert!(Journal::open(folder.path()).is_err());
        drop(first);
        assert!(Journal::open(folder.path()).is_ok());
    }
}
