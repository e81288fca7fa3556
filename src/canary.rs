//! Control prompts: short codes at known places, and what the loss of some of them says.

use crate::prompt::Needle;
use crate::seed::Stream;
use serde::{Deserialize, Serialize};

/// Letters and digits that no font and no reader confuses.
const LETTERS: &[u8] = b"BCDFGHJKMNPQRTVWXY";
const DIGITS: &[u8] = b"346789";

/// What is asked; it stands at both ends of the prompt, so that a cut of either end leaves one.
pub const QUESTION: &str = "Several doors are named in the text, each with its entry code. \
    List every door code that the text gives, one per line, and nothing else.";

/// Where a code stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Place {
    /// In the system message, an older message than the prompt's own.
    #[serde(rename = "system")]
    System,
    /// At the very start of the prompt.
    #[serde(rename = "head")]
    Head,
    /// At this depth of the haystack, in percent.
    #[serde(rename = "1 %")]
    One,
    /// At 25 %.
    #[serde(rename = "25 %")]
    Quarter,
    /// At 50 %.
    #[serde(rename = "50 %")]
    Half,
    /// At 75 %.
    #[serde(rename = "75 %")]
    ThreeQuarters,
    /// At 99 %.
    #[serde(rename = "99 %")]
    NinetyNine,
    /// Just before the question.
    #[serde(rename = "question")]
    Question,
}

/// The places in the prompt, with their depth in percent and the door that names them.
const PLACES: &[(Place, f64, &str)] = &[
    (Place::Head, 0.0, "red"),
    (Place::One, 1.0, "orange"),
    (Place::Quarter, 25.0, "yellow"),
    (Place::Half, 50.0, "green"),
    (Place::ThreeQuarters, 75.0, "blue"),
    (Place::NinetyNine, 99.0, "violet"),
    (Place::Question, 100.0, "white"),
];

/// One code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// Where it stands.
    pub place: Place,
    /// The code, in no other place of the prompt.
    pub code: String,
    /// True where the answer named it.
    #[serde(default)]
    pub found: bool,
}

/// Draws one code for each place; the system message has one only where there is such a message.
pub fn codes(stream: &mut Stream, with_system: bool) -> Vec<Code> {
    let mut codes: Vec<Code> = Vec::new();
    let system = with_system.then_some(Place::System);
    let places = PLACES.iter().map(|(place, ..)| *place);
    for place in system.into_iter().chain(places) {
        let code = loop {
            let code = draw(stream);
            if codes.iter().all(|other| other.code != code) {
                break code;
            }
        };
        codes.push(Code {
            place,
            code,
            found: false,
        });
    }
    codes
}

/// `KRT-7439`: letters and digits mixed, as no prose has them.
fn draw(stream: &mut Stream) -> String {
    let mut pick = |from: &[u8], count: usize| -> String {
        (0..count)
            .map(|_| char::from(from[stream.below(from.len() as u64) as usize]))
            .collect()
    };
    format!("{}-{}", pick(LETTERS, 3), pick(DIGITS, 4))
}

/// The sentences to plant, where each code stands.
pub fn needles(codes: &[Code]) -> Vec<Needle> {
    PLACES
        .iter()
        .filter_map(|(place, depth_percent, door)| {
            let code = codes.iter().find(|code| code.place == *place)?;
            let sentence = format!("The entry code of the {door} door is {}.", code.code);
            Some(Needle {
                sentence: match place {
                    Place::Head => format!("{QUESTION} {sentence}"),
                    _ => sentence,
                },
                depth_percent: *depth_percent,
            })
        })
        .collect()
}

/// What is put behind the user's system message.
pub fn system_sentence(codes: &[Code]) -> Option<String> {
    let code = codes.iter().find(|code| code.place == Place::System)?;
    Some(format!(
        "The entry code of the black door is {}.",
        code.code
    ))
}

/// Marks the codes that an answer names. Dashes, spaces and case are the model's own affair.
pub fn mark(codes: &mut [Code], answer: &str) {
    let plain = |text: &str| -> String {
        text.chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_uppercase())
            .collect()
    };
    let answer = plain(answer);
    for code in codes {
        code.found = answer.contains(&plain(&code.code));
    }
}

/// What a pattern of lost codes looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// The start is lost, the end is there.
    Head,
    /// The start is lost, but the system message and the end are there: a rolling window.
    Rolling,
    /// Both ends are there, a stretch between them is lost.
    Middle,
    /// The end is lost, the question before it too.
    Tail,
    /// Only what stood in an older message is lost.
    Messages,
}

impl Cut {
    /// What was lost, in words.
    pub fn words(self) -> &'static str {
        match self {
            Cut::Head => "the head of the prompt is cut off (left truncation)",
            Cut::Rolling => {
                "the head of the prompt is cut off behind the system message (a rolling window)"
            }
            Cut::Middle => "the middle of the prompt is cut out (middle-out)",
            Cut::Tail => "the tail of the prompt is cut off (right truncation)",
            Cut::Messages => "older messages are dropped",
        }
    }
}

/// The cut that a pattern of codes looks like; none where all are found, or where the losses lie
/// in no one stretch (then a model misses codes, and nothing cut the prompt).
pub fn cut(codes: &[Code]) -> Option<Cut> {
    let system = codes.iter().find(|code| code.place == Place::System);
    let found: Vec<bool> = codes
        .iter()
        .filter(|code| code.place != Place::System)
        .map(|code| code.found)
        .collect();
    let lost = found.iter().filter(|found| !**found).count();
    if lost == 0 {
        return system.filter(|code| !code.found).map(|_| Cut::Messages);
    }
    let first = found.iter().position(|found| !found)?;
    let last = found.iter().rposition(|found| !found)?;
    let is_one_stretch = last - first + 1 == lost;
    // One code found among many lost proves no reader.
    if !is_one_stretch || found.len() - lost < 2 {
        return None;
    }
    match (first == 0, last + 1 == found.len()) {
        (true, false) => Some(match system {
            Some(system) if system.found => Cut::Rolling,
            _ => Cut::Head,
        }),
        (false, true) => Some(Cut::Tail),
        (false, false) => Some(Cut::Middle),
        (true, true) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Secret;

    fn drawn(with_system: bool) -> Vec<Code> {
        let key = Secret::from_hex("c0de").expect("hex").key("");
        codes(&mut key.stream("canary", &[1]), with_system)
    }

    fn answered(with_system: bool, found: &[Place]) -> Vec<Code> {
        let mut codes = drawn(with_system);
        let named: Vec<String> = codes
            .iter()
            .filter(|code| found.contains(&code.place))
            .map(|code| code.code.replace('-', " ").to_lowercase())
            .collect();
        mark(&mut codes, &named.join("\n"));
        codes
    }

    #[test]
    fn codes_differ_and_stand_at_every_place_once() {
        let codes = drawn(true);
        assert_eq!(codes.len(), 8);
        let mut names: Vec<&str> = codes.iter().map(|code| code.code.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 8);
        let needles = needles(&codes);
        assert_eq!(needles.len(), 7);
        assert!(needles[0].sentence.starts_with(QUESTION));
        for code in &codes[1..] {
            let holding = needles.iter().filter(|n| n.sentence.contains(&code.code));
            assert_eq!(holding.count(), 1);
        }
        assert!(system_sentence(&codes).is_some_and(|said| said.contains(&codes[0].code)));
        assert_eq!(system_sentence(&drawn(false)), None);
    }

    #[test]
    fn each_pattern_of_losses_has_its_name() {
        use Place::*;
        let all = [
            System,
            Head,
            One,
            Quarter,
            Half,
            ThreeQuarters,
            NinetyNine,
            Question,
        ];
        let without = |lost: &[Place]| -> Vec<Place> {
            all.iter()
                .copied()
                .filter(|place| !lost.contains(place))
                .collect()
        };
        for (lost, with_system, name) in [
            (&[][..], true, None),
            (&[Head, One], false, Some(Cut::Head)),
            (&[System, Head, One, Quarter], true, Some(Cut::Head)),
            (&[Head, One, Quarter], true, Some(Cut::Rolling)),
            (&[Quarter, Half, ThreeQuarters], true, Some(Cut::Middle)),
            (&[Half], false, Some(Cut::Middle)),
            (&[NinetyNine, Question], false, Some(Cut::Tail)),
            (&[System], true, Some(Cut::Messages)),
            // Scattered losses are a model's own.
            (&[One, Half], false, None),
            (&[Head, Question], false, None),
            (&all[..], true, None),
            (
                &[Head, One, Quarter, Half, ThreeQuarters, NinetyNine],
                false,
                None,
            ),
        ] {
            let codes = answered(with_system, &without(lost));
            assert_eq!(cut(&codes), name, "{lost:?}");
        }
    }
}
