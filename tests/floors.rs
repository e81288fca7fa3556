//! The house rules of `src/`: a module imports only from lower floors, files are short and say what they are for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const LONGEST_FILE_LINES: usize = 500;
/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["util", "utils", "common", "helpers", "manager", "misc"];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every source file, with its path below `src/` in parts: `["sim", "body.rs"]`.
fn files() -> Vec<(PathBuf, Vec<String>)> {
    fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("src can be listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                collect(&path, into);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                into.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    collect(&source(), &mut paths);
    paths.sort();
    assert!(paths.len() > 50, "only {} files found", paths.len());
    let parts = |path: &Path| {
        let below = path.strip_prefix(source()).expect("below src");
        below
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect()
    };
    paths
        .into_iter()
        .map(|path| (path.clone(), parts(&path)))
        .collect()
}

/// The floor of each module that `lib.rs` lists under a `// floor N` line.
fn floors(lib: &str) -> Result<BTreeMap<String, u32>, String> {
    let mut floors = BTreeMap::new();
    let mut floor: Option<u32> = None;
    for line in lib.lines() {
        if let Some(rest) = line.strip_prefix("// floor ") {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            let next = digits
                .parse()
                .map_err(|_| format!("no number in: {line}"))?;
            if floor.is_some_and(|floor| next != floor + 1) || (floor.is_none() && next != 0) {
                return Err(format!("floor {next} does not follow the one before"));
            }
            floor = Some(next);
        } else if let Some(rest) = line.strip_prefix("pub mod ") {
            let (name, purpose) = rest
                .split_once("; // ")
                .ok_or_else(|| format!("no purpose behind: {line}"))?;
            let floor = floor.ok_or_else(|| format!("{name} stands on no floor"))?;
            if purpose.trim().is_empty() || floors.insert(name.to_string(), floor).is_some() {
                return Err(format!("{name} is listed twice or without a purpose"));
            }
        } else if line.starts_with("mod ") || line.starts_with("pub(crate) mod ") {
            return Err(format!("a module without a floor: {line}"));
        }
    }
    Ok(floors)
}

/// The text without comments: a link in a comment is no import.
fn code(text: &str) -> String {
    let cut = |line: &str| {
        let mut from = 0;
        while let Some(at) = line[from..].find("//").map(|at| from + at) {
            // The two slashes of an address stand behind a colon.
            if !line[..at].ends_with(':') {
                return line[..at].to_string();
            }
            from = at + 2;
        }
        line.to_string()
    };
    text.lines().map(cut).collect::<Vec<_>>().join("\n")
}

/// The first names behind `prefix` (`crate::` or `super::`), those in groups included.
fn named_behind(prefix: &str, code: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect()
    };
    let mut found = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let inside_a_word = code[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if inside_a_word {
            continue;
        }
        let mut rest = code[at + prefix.len()..].trim_start();
        while let Some(further) = rest.strip_prefix("super::") {
            rest = further;
        }
        let Some(group) = rest.strip_prefix('{') else {
            found.push(name(rest));
            continue;
        };
        let (mut depth, mut item) = (1, 0);
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 || (depth == 1 && c == ',') {
                found.push(name(&group[item..at]));
                item = at + 1;
            }
            if depth == 0 {
                break;
            }
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

/// The other modules that a file of the module `top` imports from. `children` are the module's
/// own submodules, which `super::` may well mean.
fn imports(
    top: &str,
    text: &str,
    floors: &BTreeMap<String, u32>,
    children: &[String],
) -> Vec<String> {
    let code = code(text);
    let mut names = named_behind("crate::", &code);
    let above = named_behind("super::", &code);
    names.extend(above.into_iter().filter(|name| !children.contains(name)));
    names.retain(|name| name != top && floors.contains_key(name));
    names.sort();
    names.dedup();
    names
}

#[test]
fn every_module_imports_only_from_lower_floors() {
    let floors = floors(&read(&source().join("lib.rs"))).expect("floors in order");
    let files = files();
    let mut seen = 0;
    let mut wrong = Vec::new();
    for (path, parts) in &files {
        let top = parts[0].trim_end_matches(".rs").to_string();
        if parts.len() == 1 && (top == "lib" || top == "main") {
            continue;
        }
        let Some(floor) = floors.get(&top) else {
            wrong.push(format!("{} has no floor in lib.rs", path.display()));
            continue;
        };
        let children: Vec<String> = files
            .iter()
            .filter(|(_, other)| other.len() > 1 && other[0] == top)
            .flat_map(|(_, other)| &other[1..])
            .map(|part| part.trim_end_matches(".rs").to_string())
            .collect();
        for import in imports(&top, &read(path), &floors, &children) {
            seen += 1;
            if floors[&import] >= *floor {
                wrong.push(format!(
                    "{} (floor {floor}) imports {import} (floor {})",
                    parts.join("/"),
                    floors[&import]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A reader that finds no imports would let everything pass.
    assert!(seen > 100, "only {seen} imports found");
    for name in floors.keys() {
        assert!(
            files
                .iter()
                .any(|(_, parts)| parts.len() == 1 && parts[0] == format!("{name}.rs")),
            "lib.rs lists {name}, which has no file of its own"
        );
    }
}

#[test]
fn every_file_opens_with_a_sentence_is_short_and_has_a_name_that_says_something() {
    for (path, parts) in files() {
        let shown = path.display();
        let text = read(&path);
        let first = text.lines().next().unwrap_or_default();
        assert!(
            first
                .strip_prefix("//! ")
                .is_some_and(|purpose| purpose.ends_with('.')),
            "{shown} does not open with one `//! ` line that is a sentence: {first}"
        );
        let lines = text.lines().count();
        assert!(lines <= LONGEST_FILE_LINES, "{shown} has {lines} lines");
        for part in parts {
            let name = part.trim_end_matches(".rs");
            assert!(!EMPTY_NAMES.contains(&name), "{shown} has an empty name");
        }
    }
}

#[test]
fn imports_are_found_in_every_form() {
    let known: BTreeMap<String, u32> = ["a", "b", "c", "d", "e", "own"]
        .iter()
        .map(|name| (name.to_string(), 0))
        .collect();
    let found = |text: &str| imports("own", text, &known, &["e".to_string()]).join(" ");
    assert_eq!(found("use crate::a::Thing;"), "a");
    assert_eq!(found("let x = crate::b::c(crate::d::E);"), "b d");
    assert_eq!(
        found("use crate::{\n    a::{self, own::X, y},\n    b,\n    c::Z,\n};"),
        "a b c"
    );
    assert_eq!(
        found("use super::super::d::X; use super::{c, e::Y};"),
        "c d"
    );
    assert_eq!(
        found("use super::e; use crate::own::X; use crate::unknown;"),
        ""
    );
    assert_eq!(
        found("// see crate::a\nlet url = \"http://x\"; crate::b::f();"),
        "b"
    );
    assert_eq!(found("use mycrate::a; use other::b;"), "");
}

#[test]
fn a_module_without_a_floor_is_found() {
    let floors = |text: &str| floors(text).map(|floors| floors.len());
    assert_eq!(
        floors("// floor 0: x\npub mod a; // why\n// floor 1\npub mod b; // y\n"),
        Ok(2)
    );
    assert!(floors("pub mod a; // why\n").is_err());
    assert!(floors("// floor 0\npub mod a;\n").is_err());
    assert!(floors("// floor 0\npub mod a; // x\nmod b;\n").is_err());
    assert!(floors("// floor 0\npub mod a; // x\n// floor 2\n").is_err());
    assert!(floors("// floor 0\npub mod a; // x\npub mod a; // x\n").is_err());
}
