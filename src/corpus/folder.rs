//! The user's own text: a file, or every file of a folder, cleaned of what no prompt should hold.

use super::Text;
use anyhow::{Context, Result, bail};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Offsets into one text are kept in 32 bits.
const MOST_BYTES: usize = u32::MAX as usize / 2;
/// A file with a NUL so near to its start is no text: the rule that git has.
const LOOKED_AT_BYTES: usize = 8000;
/// Shorter paragraphs stand in many texts rightly: headings, `* * *`, a chorus.
const LEAST_REPEATED_BYTES: usize = 40;

/// What was left out of the user's own text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cleaning {
    /// Files that were read.
    pub files: u64,
    /// Files that hold no text, by name.
    pub binary_files: Vec<String>,
    /// Files whose text is, cleaned, that of an earlier one, or empty.
    pub doubled_files: u64,
    /// Paragraphs that stand earlier in the corpus, in whatever file.
    pub doubled_paragraphs: u64,
    /// Bytes of these paragraphs.
    pub doubled_bytes: u64,
    /// Control characters other than line breaks and tabs.
    pub control_characters: u64,
    /// Files whose characters were composed (Unicode's form NFC).
    pub composed_files: u64,
}

impl Cleaning {
    /// True where the text is used as it was found.
    pub fn is_nothing(&self) -> bool {
        let Cleaning { files, .. } = *self;
        *self
            == Cleaning {
                files,
                ..Cleaning::default()
            }
    }
}

/// One line: `24 files read; left out: 2 binary files (logo.png, …), 31 repeated paragraphs (0.02 MB)`.
impl fmt::Display for Cleaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |count: u64, what: &str| match count {
            1 => format!("1 {what}"),
            _ => format!("{count} {what}s"),
        };
        let mut left_out = Vec::new();
        if let Some(first) = self.binary_files.first() {
            let more = if self.binary_files.len() > 1 {
                ", …"
            } else {
                ""
            };
            let files = count(self.binary_files.len() as u64, "binary file");
            left_out.push(format!("{files} ({first}{more})"));
        }
        if self.doubled_files > 0 {
            left_out.push(count(self.doubled_files, "file") + " without new text");
        }
        if self.doubled_paragraphs > 0 {
            left_out.push(format!(
                "{} ({:.2} MB)",
                count(self.doubled_paragraphs, "repeated paragraph"),
                self.doubled_bytes as f64 / 1e6
            ));
        }
        if self.control_characters > 0 {
            left_out.push(count(self.control_characters, "control character"));
        }
        write!(f, "{} read", count(self.files, "file"))?;
        if !left_out.is_empty() {
            write!(f, "; left out: {}", left_out.join(", "))?;
        }
        if self.composed_files > 0 {
            write!(f, "; {} put into NFC", count(self.composed_files, "file"))?;
        }
        Ok(())
    }
}

/// Reads a file, or all files below a folder in the order of their paths; hidden ones are left out.
///
/// # Errors
/// When a file is text of another encoding than UTF-8 (naming it and the offset of the first bad
/// byte), or nothing is left.
pub fn read(path: &Path) -> Result<(Vec<Text>, Cleaning)> {
    let mut paths = Vec::new();
    collect(path, &mut paths)?;
    let mut texts: Vec<Text> = Vec::new();
    let mut cleaning = Cleaning::default();
    let mut paragraphs = HashSet::new();
    for file in paths {
        let name = file.display().to_string();
        let Some(found) = read_file(&file)? else {
            let short = file
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            cleaning.binary_files.push(short.unwrap_or(name));
            continue;
        };
        cleaning.files += 1;
        let text = cleaned(&found, &mut paragraphs, &mut cleaning);
        match text.is_empty() {
            true => cleaning.doubled_files += 1,
            false => texts.push(Text::owned(&name, text)),
        }
    }
    if texts.is_empty() {
        match cleaning.binary_files.first() {
            Some(file) => bail!(
                "the corpus {} holds no text: {file} is binary (give plain text; convert PDF and Word files first)",
                path.display()
            ),
            None => bail!("the corpus {} holds no text", path.display()),
        }
    }
    Ok((texts, cleaning))
}

fn collect(path: &Path, into: &mut Vec<PathBuf>) -> Result<()> {
    let cannot = || format!("cannot read the corpus {}", path.display());
    if !path.is_dir() {
        into.push(path.to_path_buf());
        return Ok(());
    }
    let mut entries = std::fs::read_dir(path)
        .with_context(cannot)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<PathBuf>>>()
        .with_context(cannot)?;
    entries.sort();
    for entry in entries {
        let hidden = entry
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden {
            collect(&entry, into)?;
        }
    }
    Ok(())
}

/// The text of a file; none for a binary one.
fn read_file(path: &Path) -> Result<Option<String>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    if is_binary(&bytes) {
        return Ok(None);
    }
    if bytes.len() > MOST_BYTES {
        bail!("{} is larger than 2 GiB: split it", path.display());
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(error) => bail!(
            "{} is not UTF-8: bad byte at offset {} (convert it, for example with iconv)",
            path.display(),
            error.utf8_error().valid_up_to()
        ),
    }
}

fn is_binary(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(LOOKED_AT_BYTES)];
    // A PDF may be free of NUL bytes for long. One NUL alone in text that is else UTF-8 is dirt.
    let nuls = start.iter().filter(|byte| **byte == 0).count();
    let is_utf8 = match std::str::from_utf8(start) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    start.starts_with(b"%PDF-") || (nuls > 0 && (!is_utf8 || nuls * 10 > start.len()))
}

/// The text in NFC, without control characters and without paragraphs that stood before.
fn cleaned(found: &str, paragraphs: &mut HashSet<[u8; 16]>, cleaning: &mut Cleaning) -> String {
    let text = found.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let is_control = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    let controls = text.chars().filter(|c| is_control(*c)).count();
    cleaning.control_characters += controls as u64;
    let text: Cow<'_, str> = match controls {
        0 => text.into(),
        _ => text.chars().filter(|c| !is_control(*c)).collect(),
    };
    let text = match is_nfc(&text) {
        true => text,
        false => {
            cleaning.composed_files += 1;
            text.nfc().collect()
        }
    };
    let mut is_new = |stretch: &str| {
        let digest = blake3::hash(stretch.as_bytes());
        let mut short = [0; 16];
        short.copy_from_slice(&digest.as_bytes()[..16]);
        paragraphs.insert(short)
    };
    // A break before it keeps a text of one paragraph apart from that paragraph.
    if !is_new(&format!("\n\n{}", text.trim())) {
        return String::new();
    }
    let mut kept = String::with_capacity(text.len());
    for paragraph in text.split_inclusive("\n\n") {
        let bare = paragraph.trim();
        if bare.len() >= LEAST_REPEATED_BYTES && !is_new(bare) {
            cleaning.doubled_paragraphs += 1;
            cleaning.doubled_bytes += bare.len() as u64;
        } else {
            kept.push_str(paragraph);
        }
    }
    // Templates trim, and a prompt must begin and end in a non-space.
    kept.trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("folder");
        for (name, bytes) in files {
            std::fs::write(folder.path().join(name), bytes).expect("write");
        }
        folder
    }

    fn contents(texts: &[Text]) -> Vec<&str> {
        let contents = texts.iter().map(|text| text.as_str().expect("UTF-8"));
        contents.collect()
    }

    const LONG: &str = "A paragraph that is long enough to be known again.";

    #[test]
    fn a_folder_is_read_in_order_without_doubles_and_hidden_files() {
        let two = format!("Two.\n\n{LONG}");
        let folder = folder(&[
            ("b.txt", two.as_bytes()),
            ("a.txt", b"\xef\xbb\xbfOne.\r\nMore."),
            ("c.txt", two.as_bytes()),
            (".x", b"no"),
            ("empty", b" \n"),
        ]);
        let (texts, cleaning) = read(folder.path()).expect("reads");
        assert_eq!(contents(&texts), ["One.\nMore.", &two]);
        assert_eq!((cleaning.files, cleaning.doubled_files), (4, 2));
    }

    #[test]
    fn what_no_prompt_should_hold_is_left_out_and_counted() {
        let first = format!("Cafe\u{301}.\0\u{7} Tab\there.\n\n{LONG}\n\n* * *");
        let second = format!("New.\n\n  {LONG}\n\n* * *\n\nEnd.");
        let folder = folder(&[
            ("1.txt", first.as_bytes()),
            ("2.txt", second.as_bytes()),
            ("logo.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0"),
            ("paper.pdf", b"%PDF-1.7 text"),
        ]);
        let (texts, cleaning) = read(folder.path()).expect("reads");
        assert_eq!(
            contents(&texts),
            [
                &format!("Café. Tab\there.\n\n{LONG}\n\n* * *"),
                "New.\n\n* * *\n\nEnd."
            ]
        );
        assert_eq!(cleaning.binary_files, ["logo.png", "paper.pdf"]);
        assert_eq!(cleaning.doubled_paragraphs, 1);
        assert_eq!(cleaning.doubled_bytes, LONG.len() as u64);
        assert_eq!(cleaning.control_characters, 2);
        assert_eq!(cleaning.composed_files, 1);
        assert!(!cleaning.is_nothing());
        assert_eq!(
            cleaning.to_string(),
            "2 files read; left out: 2 binary files (logo.png, …), 1 repeated paragraph (0.00 MB), 2 control characters; 1 file put into NFC"
        );
    }

    #[test]
    fn clean_text_stays_as_it_is() {
        let text = format!("{LONG}\n\n\n   Indented.\n\nShort.\n\nShort.");
        let folder = folder(&[("a.txt", text.as_bytes())]);
        let (texts, cleaning) = read(folder.path()).expect("reads");
        assert_eq!(contents(&texts), [text]);
        assert!(cleaning.is_nothing());
        assert_eq!(cleaning.to_string(), "1 file read");
    }

    #[test]
    fn bad_bytes_are_named_with_file_and_offset() {
        let folder = folder(&[("bad.txt", b"good \xff bad")]);
        let error = format!("{:#}", read(folder.path()).err().expect("refused"));
        assert!(
            error.contains("bad.txt") && error.contains("offset 5"),
            "{error}"
        );
    }

    #[test]
    fn a_folder_without_text_is_refused_with_the_reason() {
        let empty = tempfile::tempdir().expect("folder");
        assert!(read(empty.path()).is_err());
        let folder = folder(&[("a.bin", b"\0\0\0\0")]);
        let error = read(folder.path()).err().expect("refused").to_string();
        assert!(error.contains("a.bin is binary"), "{error}");
    }
}
