//! Pictures of every shape in the gallery, checked by reading them back.

use super::samples::gallery;
use super::*;

/// Writes the gallery for people to look at:
/// `cargo test --lib pictures_to_look_at -- --ignored`, then open `target/pictures`.
#[test]
#[ignore = "writes files for people to look at"]
fn pictures_to_look_at() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pictures");
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, summary) in gallery() {
        let pictures = [
            ("accuracy", accuracy(&summary)),
            ("heatmap", heatmap(&summary)),
        ];
        for (kind, picture) in pictures {
            let picture = picture.unwrap_or_else(|error| panic!("{name} {kind}: {error:#}"));
            let write = |ending: &str, bytes: &[u8]| {
                std::fs::write(folder.join(format!("{name}-{kind}.{ending}")), bytes)
            };
            write("svg", picture.svg.as_bytes()).expect("SVG written");
            write("png", &picture.png).expect("PNG written");
        }
    }
}
