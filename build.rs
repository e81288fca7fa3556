//! Lists the texts, languages and word lists under `corpora/`, so that adding one is data and no code.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The file of a language in its folder.
const LANGUAGE: &str = "language.toml";

fn main() {
    let root =
        PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("corpora");
    println!("cargo::rerun-if-changed=corpora");
    let mut code = String::from("pub const EMBEDDED: &[Embedded] = &[\n");
    for folder in folders(&root) {
        let name = folder
            .file_name()
            .expect("has a name")
            .to_string_lossy()
            .into_owned();
        for manifest in files(&folder, "toml") {
            if manifest.file_name().is_some_and(|name| name == LANGUAGE) {
                continue;
            }
            let packed = manifest.with_extension("txt.zst");
            assert!(
                packed.is_file(),
                "{} has no text beside it",
                manifest.display()
            );
            let text = manifest
                .file_stem()
                .expect("has a name")
                .to_string_lossy()
                .into_owned();
            writeln!(
                code,
                "    Embedded {{ folder: {name:?}, name: {text:?}, manifest: include_str!({manifest:?}), packed: include_bytes!({packed:?}) }},"
            )
            .expect("strings take all");
        }
    }
    code.push_str("];\n");
    let languages = folders(&root).into_iter().filter_map(|folder| {
        let file = folder.join(LANGUAGE);
        let code = folder.file_name()?.to_string_lossy().into_owned();
        let tasks = folder.join("tasks");
        let tasks = if tasks.is_dir() { files(&tasks, "toml") } else { Vec::new() };
        let tasks: String = tasks
            .iter()
            .map(|task| {
                let name = task.file_stem().expect("has a name").to_string_lossy();
                format!("({name:?}, include_str!({task:?})), ")
            })
            .collect();
        file.is_file().then(|| {
            format!("    Embedded {{ code: {code:?}, written: include_str!({file:?}), tasks: &[{tasks}], read: OnceLock::new() }},\n")
        })
    });
    let languages: Vec<String> = languages.collect();
    let lists = files(&root.join("names"), "zst").into_iter().map(|file| {
        let name = file.file_name().expect("has a name").to_string_lossy();
        let name = name.trim_end_matches(".txt.zst").to_string();
        format!("    ({name:?}, include_bytes!({file:?})),\n")
    });
    let lists: String = lists.collect();
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets it"));
    std::fs::write(out.join("embedded.rs"), code).expect("OUT_DIR can be written");
    for (name, code) in [
        (
            "languages.rs",
            format!(
                "static LANGUAGES: [Embedded; {}] = [\n{}];\n",
                languages.len(),
                languages.concat()
            ),
        ),
        (
            "lists.rs",
            format!("const LISTS: &[(&str, &[u8])] = &[\n{lists}];\n"),
        ),
    ] {
        std::fs::write(out.join(name), code).expect("OUT_DIR can be written");
    }
}

fn folders(root: &Path) -> Vec<PathBuf> {
    sorted(root)
        .into_iter()
        .filter(|path| path.is_dir())
        .collect()
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    sorted(folder)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect()
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("can be listed").path())
        .collect();
    paths.sort();
    paths
}
