//! Where a text may be cut: before what separates two sentences, so that counts add up in any order.

mod english;
mod script;
mod spaced;
mod spaceless;
#[cfg(test)]
mod tests;

pub use script::Script;
pub use spaceless::STOP;

/// Byte offsets before which a text of this script may be cut, ascending.
///
/// Between the stretches of spaced scripts stands exactly one space, which begins the second one;
/// the first ends in a non-space. In scripts without spaces it is the ideographic full stop that
/// begins the second, and the first ends in a letter or digit: [`STOP`] says why.
pub fn cuts(text: &str, script: Script) -> Vec<u32> {
    match script {
        Script::English => english::cuts(text),
        Script::Spaceless => spaceless::cuts(text),
        _ => spaced::cuts(text, script),
    }
}

/// True for a unit that reads well anywhere and ends like any sentence: one plain sentence without
/// line breaks, quotes and brackets.
pub fn is_plain(unit: &str, script: Script) -> bool {
    match script {
        Script::English => english::is_plain(unit.as_bytes()),
        Script::Spaceless => spaceless::is_plain(unit),
        _ => spaced::is_plain(unit, script),
    }
}

/// How many bytes of a unit separate it from what stands before it: left out where it stands first.
pub fn lead_bytes(unit: &str, script: Script) -> usize {
    let rest = match script {
        Script::Spaceless => unit.strip_prefix(STOP).unwrap_or(unit).trim_start(),
        _ => unit.trim_start_matches(' '),
    };
    unit.len() - rest.len()
}
