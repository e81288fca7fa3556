//! The user's own text: a file, or every file of a folder.

use super::Text;
use anyhow::{Context, Result, bail};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Offsets into one text are kept in 32 bits.
const MOST_BYTES: usize = u32::MAX as usize / 2;

/// Reads a file, or all files below a folder in the order of their paths. Hidden files and files
/// with the same content as an earlier one are left out.
///
/// # Errors
/// When a file is not UTF-8 (naming it and the offset of the first bad byte), or nothing is left.
pub fn read(path: &Path) -> Result<Vec<Text>> {
    let mut paths = Vec::new();
    collect(path, &mut paths)?;
    let mut texts: Vec<Text> = Vec::new();
    let mut seen = HashSet::new();
    for file in paths {
        let text = Text::owned(&file.display().to_string(), read_file(&file)?);
        if text.len_bytes() > 0 && seen.insert(text.digest().to_string()) {
            texts.push(text);
        }
    }
    if texts.is_empty() {
        bail!("the corpus {} holds no text", path.display());
    }
    Ok(texts)
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

fn read_file(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    if bytes.len() > MOST_BYTES {
        bail!("{} is larger than 2 GiB: split it", path.display());
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => bail!(
            "{} is not UTF-8: bad byte at offset {} (convert it, for example with iconv)",
            path.display(),
            error.utf8_error().valid_up_to()
        ),
    };
    // Templates trim, and a prompt must begin and end in a non-space.
    Ok(text
        .replace("\r\n", "\n")
        .trim()
        .trim_start_matches('\u{feff}')
        .to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_read_in_order_without_doubles_and_hidden_files() {
        let folder = tempfile::tempdir().expect("folder");
        for (name, text) in [
            ("b.txt", "Two."),
            ("a.txt", "One.\r\nMore."),
            ("c.txt", "Two."),
            (".x", "no"),
        ] {
            std::fs::write(folder.path().join(name), text).expect("write");
        }
        let texts = read(folder.path()).expect("reads");
        let contents: Vec<&str> = texts
            .iter()
            .map(|text| text.as_str().expect("UTF-8"))
            .collect();
        assert_eq!(contents, ["One.\nMore.", "Two."]);
    }

    #[test]
    fn bad_bytes_are_named_with_file_and_offset() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("bad.txt");
        std::fs::write(&file, b"good \xff bad").expect("write");
        let error = format!("{:#}", read(folder.path()).err().expect("refused"));
        assert!(
            error.contains("bad.txt") && error.contains("offset 5"),
            "{error}"
        );
    }

    #[test]
    fn an_empty_folder_is_refused() {
        let folder = tempfile::tempdir().expect("folder");
        assert!(read(folder.path()).is_err());
    }
}
